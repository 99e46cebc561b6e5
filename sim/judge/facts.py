"""Facts about a function of an experiment: it is called once, in a process that ends afterwards."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import iscoroutine, isgenerator
from pathlib import Path
from typing import Any, NamedTuple

from asgiref.sync import iscoroutinefunction
from django.db import connections
from django.http import HttpResponseBase

from ..errors import UserError, words_of
from ..project.astray import threads_refused
from ..project.caches.blank import Blank
from ..project.databases.connections import schema_of
from ..project.files import innermost
from .compare import compared, shown
from .snapshots import Adopted

CACHE_CALLS = (
    *("get", "get_many", "get_or_set", "set", "set_many", "add", "touch", "delete", "delete_many", "has_key"),
    *("incr", "decr", "incr_version", "decr_version"),
)
LATER_S = 119_820.0  # a day, and at another time of day: some pages say whether the shop is open
MOMENTS = ((0.0, 1), (0.0, 2), (LATER_S, 1))  # (second, random seed): a read must give the same


class Judged(NamedTuple):
    """A response that a journey judges as a read; `again` repeats its request at another moment."""

    name: str
    response: Any
    expect: tuple[int, ...]
    again: Callable[[float, int], Any]


@dataclass
class Facts:
    """What a call did. `content` is the comparable result; `failure` an exception. Calls of stores are not counted."""

    status: int | None = None
    location: str = ""
    size_bytes: int = 0
    content: bytes = b""
    statements: int = 0
    cache_calls: int = 0
    commits: int = 0
    is_async: bool = False
    is_generator: bool = False
    is_none: bool = False
    asked: str = ""  # the request whose response it returned
    raised: str = ""  # the view's exception behind an error page
    failure: str = ""
    judged: "list[JudgedFacts]" = field(default_factory=list)


class JudgedFacts(NamedTuple):
    """Facts about a response that a journey judges, and about its request repeated at each of `MOMENTS`."""

    name: str
    expect: tuple[int, ...]
    first: Facts
    again: list[Facts]


def facts_of(
    adopted: Adopted, call: Callable[[], Any], judge: Callable[[Any], Any] | None, judged: Sequence[Judged] = ()
) -> Facts:
    """Return what *call* does on a snapshot; `commits` counts the transactions that would change a row.

    The requests that a journey has *judged* are repeated afterwards.
    """
    counter = CacheCalls()
    return adopted.writing(lambda: _called(adopted, call, judge, judged, counter))


def _called(
    adopted: Adopted,
    call: Callable[[], Any],
    judge: Callable[[Any], Any] | None,
    judged: Sequence[Judged],
    counter: "CacheCalls",
) -> Facts:
    facts = Facts()
    counter.count = 0
    with adopted.evaluation():
        changes = [Changes(connections[alias]) for alias in adopted.aliases]
        with threads_refused() as refused:
            try:
                result = call()
                for one in changes:
                    one.end()
                _look_at(result, facts, judge)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told
                facts.failure = _line_of(error)
            facts.statements = sum(one.statements for one in changes)
            facts.commits = sum(one.commits for one in changes)
            facts.cache_calls = counter.count
            if not facts.failure:
                facts.judged = _asked_again(adopted, judged)
        facts.failure = next(iter(refused), facts.failure)
    return facts


def _asked_again(adopted: Adopted, judged: Sequence[Judged]) -> list[JudgedFacts]:
    """Repeat the requests of the *judged* responses on the present rows, at each of `MOMENTS`."""
    found = [JudgedFacts(one.name, one.expect, _at_sight(getattr, one, "response"), []) for one in judged]
    for moment in MOMENTS:
        for one, facts in zip(judged, found, strict=True):
            with adopted.set_back():
                facts.again.append(_at_sight(one.again, *moment))
    return found


def _at_sight(call: Callable[..., Any], *args: Any) -> Facts:
    """Return the facts that follow from the result of *call* alone."""
    facts = Facts()
    try:
        _look_at(call(*args), facts, None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told
        facts.failure = _line_of(error)
    return facts


def _look_at(result: Any, facts: Facts, judge: Callable[[Any], Any] | None) -> None:
    facts.is_async, facts.is_generator, facts.is_none = iscoroutine(result), isgenerator(result), result is None
    if facts.is_async or facts.is_generator:
        result.close()
    if facts.is_async or facts.is_generator or facts.is_none:
        return
    if isinstance(result, HttpResponseBase):
        match = getattr(getattr(result, "wsgi_request", None), "resolver_match", None)
        view = getattr(match, "func", None)
        facts.is_async = iscoroutinefunction(view)
        facts.location = result.headers.get("Location", "").partition("?")[0]
        request = getattr(result, "request", {})
        facts.asked = f"{request.get('REQUEST_METHOD', '')} {request.get('PATH_INFO', '')}".strip()
        raised = getattr(result, "exc_info", None)
        facts.raised = _told(raised[1]) if raised else ""
    found = shown(result)
    facts.status, facts.size_bytes = found.status, found.size_bytes
    facts.content = compared(result, judge)


def _line_of(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else f"it raises {_told(error)}"


def _told(error: BaseException) -> str:
    """Return the exception and its innermost place in the project, whose folder is the current one."""
    said, place = words_of(error), innermost(Path.cwd(), traceback.extract_tb(error.__traceback__))
    return f"{type(error).__name__}{': ' if said else ''}{said}{f' ({place})' if place else ''}"


class Changes:
    """Counts what a connection would have committed, although one transaction is around everything."""

    def __init__(self, wrapper: Any) -> None:
        self.statements = self.commits = 0
        self._wrapper = wrapper
        self._open = 0  # changes in what would be the current transaction
        self._block: Any = None  # the outermost `atomic` that they are in
        self._at: dict[str, int] = {}  # savepoint: how many changes there were before it
        self._schema = schema_of(wrapper)
        self._real_savepoint, self._real_rollback = wrapper._savepoint, wrapper._savepoint_rollback
        wrapper.execute_wrappers.append(self._statement)
        wrapper._savepoint, wrapper._savepoint_rollback = self._savepoint, self._savepoint_rollback

    def end(self) -> None:
        """Commit the rest, and call the functions that wait for the commit."""
        self._settle()
        while self._wrapper.run_on_commit:
            waiting, self._wrapper.run_on_commit = self._wrapper.run_on_commit, []
            for _savepoints, func, *_robust in waiting:
                func()
            self._settle()

    def _settle(self) -> None:
        """Count a transaction that has ended since the last call."""
        if self._open and self._block is not self._outermost():
            self.commits += not self._wrapper.needs_rollback
            self._open = 0

    def _outermost(self) -> Any:
        return next(iter(self._wrapper.atomic_blocks), None)

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self._settle()
        result = execute(sql, params, many, context)
        kind = self._schema.nature(str(sql)).kind
        self.statements += kind in ("read", "write", "schema")
        cursor = context["cursor"]  # its row count comes late if rows are returned
        if kind == "schema" or (kind == "write" and (cursor.rowcount != 0 or cursor.description)):
            self._block = self._outermost()
            self._open += self._block is not None
            self.commits += self._block is None
        return result

    def _savepoint(self, name: str) -> None:
        self._settle()
        self._at[name] = self._open
        self._real_savepoint(name)

    def _savepoint_rollback(self, name: str) -> None:
        self._open = self._at.get(name, 0)
        self._real_rollback(name)


class CacheCalls:
    """Counts the calls of the blank caches in this process, except calls of stores and calls within other calls."""

    def __init__(self) -> None:
        self.count = 0
        self._inside = False
        for name in CACHE_CALLS:
            setattr(Blank, name, self._counted(getattr(Blank, name)))

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def counted(cache: Any, *args: Any, **named: Any) -> Any:
            if self._inside:
                return method(cache, *args, **named)
            self._inside = True
            try:
                key = args[0] if args else named.get("key", "")
                self.count += not (isinstance(key, str) and cache._holds(key))
                return method(cache, *args, **named)
            finally:
                self._inside = False

        return counted
