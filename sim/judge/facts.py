"""What a function of an experiment does when it is called: in a process that ends afterwards."""

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
MOMENTS = ((0.0, 1), (0.0, 2), (LATER_S, 1))  # second of the run, and chance: what is read must be the same


class Judged(NamedTuple):
    """A response that a journey judges as a read; `again` sends its request once more at a moment."""

    name: str
    response: Any
    expect: tuple[int, ...]
    again: Callable[[float, int], Any]


@dataclass
class Facts:
    """`content` is what is compared of its result; `failure`, that it raised something. Stores are no cache calls."""

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
    asked: str = ""  # the request whose response it gave
    raised: str = ""  # what was raised in the view, of which there is an error page
    failure: str = ""
    judged: "list[JudgedFacts]" = field(default_factory=list)


class JudgedFacts(NamedTuple):
    """What is known of a response that a journey judges, and of its request asked again at each of `MOMENTS`."""

    name: str
    expect: tuple[int, ...]
    first: Facts
    again: list[Facts]


def facts_of(
    adopted: Adopted, call: Callable[[], Any], judge: Callable[[Any], Any] | None, judged: Sequence[Judged] = ()
) -> Facts:
    """Return what *call* does on a snapshot, where `commits` counts the transactions that would change a row.

    What it has *judged* in the end is asked again.
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
    """Send the requests of what was *judged* again on the rows as they are now, moment by moment."""
    found = [JudgedFacts(one.name, one.expect, _at_sight(getattr, one, "response"), []) for one in judged]
    for moment in MOMENTS:
        for one, facts in zip(judged, found, strict=True):
            with adopted.set_back():
                facts.again.append(_at_sight(one.again, *moment))
    return found


def _at_sight(call: Callable[..., Any], *args: Any) -> Facts:
    """Return what can be said of what *call* gives, of that alone."""
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
    """Return what was raised, and the innermost place in the project, in whose folder this process is."""
    said, place = words_of(error), innermost(Path.cwd(), traceback.extract_tb(error.__traceback__))
    return f"{type(error).__name__}{': ' if said else ''}{said}{f' ({place})' if place else ''}"


class Changes:
    """What a connection that has been adopted would have committed, where there is one transaction around all."""

    def __init__(self, wrapper: Any) -> None:
        self.statements = self.commits = 0
        self._wrapper = wrapper
        self._open = 0  # changes, in what would be the transaction
        self._block: Any = None  # the outermost `atomic` that they are in
        self._at: dict[str, int] = {}  # savepoint: how many there were
        self._schema = schema_of(wrapper)
        self._real_savepoint, self._real_rollback = wrapper._savepoint, wrapper._savepoint_rollback
        wrapper.execute_wrappers.append(self._statement)
        wrapper._savepoint, wrapper._savepoint_rollback = self._savepoint, self._savepoint_rollback

    def end(self) -> None:
        """Commit what is left, and call what was put off until then."""
        self._settle()
        while self._wrapper.run_on_commit:
            waiting, self._wrapper.run_on_commit = self._wrapper.run_on_commit, []
            for _savepoints, func, *_robust in waiting:
                func()
            self._settle()

    def _settle(self) -> None:
        """Count a transaction that has ended since."""
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
        cursor = context["cursor"]  # whose count comes late where rows are returned
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
    """Counts the calls of the blank caches in this process; those of stores, and those that others make, not."""

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
