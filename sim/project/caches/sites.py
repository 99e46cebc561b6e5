"""Call sites: which line of the project (or of a template of it) called the cache."""

import inspect
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

NOWHERE = "?"
_SKIPPED = ("site-packages/", "dist-packages/")
_LIBRARIES = frozenset(  # not who calls
    ("django", "cachewise", "cachalot", "cacheops", "redis", "valkey", "django_redis", "django_valkey", "funcy")
)


class Sites:
    """Finds call sites in the project in *folder*; what it has found once it remembers by code and line.

    `beside` are files in it that are no part of the project: the experiment's own.
    """

    def __init__(self, folder: Path, beside: tuple[Path, ...] = ()) -> None:
        self._folder = f"{folder.resolve()}/"
        self._beside = {str(path.resolve()) for path in beside}
        self._told: dict[int, Callable[[FrameType], str] | None] = {}  # by the id of a code object; None: none of ours
        self._kept: list[CodeType] = []  # so that no other code object gets its id
        self._lines: dict[tuple[int, int], str] = {}
        self._views: dict[type | CodeType, str] = {}
        self._tell_fragment = self._fragment
        self._outer: dict[int, int] = {}  # how good a site is: 0 the project's, 1 another package's, 2 the experiment's

    def of(self, caller: FrameType | None) -> str:
        """Return the site of the call that *caller* makes: the innermost frame that belongs to the project."""
        told = self._told
        second_best: FrameType | None = None
        frame, direct = caller, True
        while frame is not None:
            code = frame.f_code
            tell = told.get(id(code), NOWHERE)
            if tell is NOWHERE:
                tell = told[id(code)] = self._classified(code)
            if tell is not None:
                rank = self._outer.get(id(code), 0)
                if not rank:
                    site = tell(frame) if direct or tell is not self._tell_fragment else ""  # type: ignore[operator]
                    if site:
                        return site
                    frame, direct = frame.f_back, False
                    continue
                second_best = second_best or frame
                if rank == 2:
                    break  # what called it is ours
            frame, direct = frame.f_back, False
        return NOWHERE if second_best is None else self._line(second_best)

    def _classified(self, code: CodeType) -> Callable[[FrameType], str] | None:
        self._kept.append(code)
        file = code.co_filename
        if file.endswith("django/templatetags/cache.py"):
            return self._tell_fragment if code.co_name == "render" else None
        if file.endswith("django/middleware/cache.py"):
            return _middleware_of(self)
        if "django/contrib/sessions/backends/" in file:
            return lambda _frame: "sessions"
        rank = self._rank(file)
        if rank:
            self._outer[id(code)] = rank
        return None if rank is None else self._line

    def _rank(self, file: str) -> int | None:
        """Return how good a site in *file* is, 0 being the best; None: it is none."""
        if file in self._beside:
            return 2
        installed = next((mark for mark in _SKIPPED if mark in file), None)
        if installed is None:
            return 0 if file.startswith(self._folder) else None
        package = file.partition(installed)[2].partition("/")[0].removesuffix(".py")
        return None if package in _LIBRARIES else 1

    def _line(self, frame: FrameType) -> str:
        place = id(frame.f_code), frame.f_lineno
        site = self._lines.get(place)
        if site is None:
            site = self._lines[place] = f"{self._shown(frame.f_code.co_filename)}:{frame.f_lineno}"
        return site

    def _shown(self, file: str) -> str:
        for mark in _SKIPPED:
            if mark in file:
                return file.partition(mark)[2]
        return file.removeprefix(self._folder)

    def _fragment(self, frame: FrameType) -> str:
        node = frame.f_locals["self"]
        origin = getattr(node, "origin", None)
        name = getattr(origin, "template_name", None) or getattr(origin, "name", "template")
        return f"{name}:{node.token.lineno}"

    def view(self, view: Any) -> str:
        """Return where a view is that `cache_page` decorates: its file and the line where it begins."""
        subject = _subject(view)
        site = self._views.get(subject)
        if site is None:
            if isinstance(subject, CodeType):
                file, line = subject.co_filename, subject.co_firstlineno
            else:
                file, line = sys.modules[subject.__module__].__file__ or "", inspect.findsource(subject)[1] + 1
            site = self._views[subject] = f"{self._shown(file)}:{line}"
        return site


def _subject(view: Any) -> type | CodeType:
    """Return what a view is written as: a class, or the code of a function."""
    while True:
        kind = getattr(view, "view_class", None)
        if kind is not None:
            return kind  # type: ignore[no-any-return]
        if isinstance(view, partial):
            view = view.func  # by `method_decorator`: a method of the view's
        elif hasattr(view, "__wrapped__") and not hasattr(view, "__self__"):
            view = view.__wrapped__
        elif hasattr(view, "__self__"):
            return type(view.__self__)
        else:
            return view.__code__ if hasattr(view, "__code__") else type(view)


def _middleware_of(sites: Sites) -> Callable[[FrameType], str]:
    def middleware(frame: FrameType) -> str:
        it = frame.f_locals.get("self")
        if it is None:
            return ""
        # In MIDDLEWARE what is called next is dressed by Django's handler; `cache_page` has the view itself.
        made = getattr(getattr(it.get_response, "__code__", None), "co_filename", "")
        per_site = made.endswith("django/core/handlers/exception.py")
        return type(it).__name__ if per_site else sites.view(it.get_response)

    return middleware
