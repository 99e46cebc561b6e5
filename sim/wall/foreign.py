"""A foreign server (`--server URL`) that may be flushed: it is checked, and emptied before and after each run."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from math import nan
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..backends import BACKENDS, Backend
from ..backends.database import set_django_up
from ..backends.entries import is_own
from ..backends.places import Place
from ..daemons.programs import Library
from ..errors import UserError, file_name, masked, one_line
from ..processes.interrupts import finish, interrupts_held

PATIENCE_S = 4.0  # for a server that does not answer


@contextmanager
def foreign_place(backend: Backend, url: str) -> Iterator[Place]:
    """Give a place for *backend*'s cache on the server at *url*: empty, and always emptied after the run.

    Raises:
        UserError: if it cannot be emptied.
    """
    place = Place(location_of(backend, url), lambda: nan)  # entries of a foreign server are not counted
    _load(backend, url)
    try:
        _empty(backend, place, url)
        with _emptied(backend, place, url):
            yield place
    finally:
        backend.forget(place.location)


@contextmanager
def _emptied(backend: Backend, place: Place, url: str) -> Iterator[None]:
    """Empty the server afterwards; if both the run and this fail, report both."""
    try:
        yield
    except Exception as error:
        try:
            with interrupts_held():
                _empty(backend, place, url)
        except UserError as problem:
            if isinstance(error, UserError):
                raise UserError(f"{error}; and {problem}") from error
            error.add_note(str(problem))
        raise
    except BaseException:
        with interrupts_held():
            problem_now = _problem_of(lambda: _clear(backend, place))
        if problem_now:
            print(f"{_named(url)}: it could not be emptied: {problem_now}", file=sys.stderr)  # noqa: T201
        raise
    finish(lambda: _empty(backend, place, url))


def location_of(backend: Backend, url: str) -> str:
    """Return the LOCATION of the server at *url* for *backend*.

    Raises:
        UserError: if there is none, with the names of backends that fit.
    """
    if is_own(backend.name):
        raise UserError(f"{_named(url)}: {file_name(backend.name)} is a cache of your own, for private servers only")
    for scheme, prefix in backend.schemes.items():
        if url.startswith(scheme) and len(url) > len(scheme):
            _check_one(url, scheme)
            return prefix + url.removeprefix(scheme)
    if backend.schemes:
        problem = f"needs {_either(f'{scheme}…' for scheme in backend.schemes)}"
    else:
        able = [one for one in BACKENDS.values() if one.schemes]
        fitting = [one for one in able if url.startswith(tuple(one.schemes))] or able
        problem = f"has no server; choose {_either(f'--backend {one.name}' for one in fitting)}"
    raise UserError(f"{_named(url)}: backend {file_name(backend.name)!r} {problem}")


def _check_one(url: str, scheme: str) -> None:
    """Make sure that *url* names one server and one of its databases: clients ignore parts that they cannot read.

    Raises:
        UserError: otherwise.
    """
    if "," in url or ";" in url:
        raise UserError(f"{_named(url)}: one server at a time")
    parts = urlsplit(url)
    number = parts.path.strip("/") if scheme in ("redis://", "rediss://") else ""
    numbers = [number, *parse_qs(parts.query).get("db", [])]
    wrong = [one for one in numbers if one and not one.isdecimal()]
    if wrong:
        raise UserError(f"{_named(url)}: {one_line(wrong[0])!r} is not the number of a database")


def _named(url: str) -> str:
    return f"--server {one_line(masked(url))}"


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)


def _empty(backend: Backend, place: Place, url: str) -> None:
    problem = _problem_of(lambda: _clear(backend, place))
    if problem:
        raise UserError(f"{_named(url)}: it cannot be emptied: {problem}")


def _load(backend: Backend, url: str) -> None:
    """Import all that a cache of *backend* needs: a later import would count as a slow answer of the server."""
    try:
        set_django_up(backend.name)  # some clients need settings
        for one in backend.needs:
            if isinstance(one, Library):
                import_module(one.name)
        backend.load()
    except Exception as error:  # an import, or a user's settings, can raise anything
        raise UserError(f"{_named(url)}: {type(error).__name__}: {one_line(error, 160)}") from error


def _clear(backend: Backend, place: Place) -> None:
    make: Any = backend.load()
    with closing(make(place.location, {**backend.params})) as cache:
        cache.clear()
        cache.get("cachewise")  # pymemcache accepts any answer to a flush; this one must be a cache's


def _problem_of(func: Callable[[], object]) -> str:
    """Call *func* and return its error, "" if none, or that it takes too long: clients may wait for ever."""
    ended: Queue[str] = Queue()

    silent = f"no answer within {PATIENCE_S:g} s"
    began_s = time.monotonic()

    def call() -> None:
        try:
            func()
        except Exception as error:  # noqa: BLE001 - clients have their own exceptions
            late = time.monotonic() - began_s >= PATIENCE_S  # a client's own timeout may come just after ours
            ended.put(silent if late else f"{type(error).__name__}: {one_line(error, 160)}")
        else:
            ended.put("")

    Thread(target=call, daemon=True).start()
    try:
        return ended.get(timeout=PATIENCE_S)
    except Empty:
        return silent
