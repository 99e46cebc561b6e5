"""Call sites: the lines of the project (or of its templates) that called the cache."""

import inspect
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

NOWHERE = "?"
OF_THE_PROJECT, OF_A_PACKAGE, OF_THE_EXPERIMENT = range(3)  # the best site comes first
_UNSEEN: Any = object()
_SKIPPED = ("site-packages/", "dist-packages/")
_LIBRARIES = frozenset(  # never the caller
    (
        "django",
        "cachewise",
        "simpy",
        "cachalot",
        "cacheops",
        "redis",
        "valkey",
        "django_redis",
        "django_valkey",
        "funcy",
    )
)


class Sites:
    """Finds call sites in the project in *folder*, and remembers them by code and line.

    `beside` are files in the folder that are not part of the project: the experiment's own.
    """

    def __init__(self, folder: Path, beside: tuple[Path, ...] = ()) -> None:
        self._folder = f"{folder.resolve()}/"
        self._beside = {str(path.resolve()) for path in beside}
        self._told: dict[str, tuple[int, Callable[[FrameType], str]] | None] = {}  # by module
        self._lines: dict[tuple[str, int], str] = {}
        self._views: dict[type | CodeType, str] = {}
        self._tell_fragment = self._fragment

    def of(self, caller: FrameType | None) -> str:
        """Return the call site of *caller*: the innermost frame that belongs to the project."""
        told, second_best, frame = self._told, None, caller
        # Each call of a cache may have sixty frames. Their code and `id` are not read here: Python audits both, which
        # would take longer than everything else.
        while frame is not None:
            tell = told.get(frame.f_globals.get("__name__", ""), _UNSEEN)
            if tell is None:
                frame = frame.f_back
                continue
            if tell is _UNSEEN:
                self._classify(frame.f_globals)
                continue
            rank, site_of = tell
            if not rank:
                site = "" if site_of is self._tell_fragment and frame is not caller else site_of(frame)
                if site:
                    return site
            else:
                second_best = second_best or frame
                if rank == OF_THE_EXPERIMENT:
                    break  # its caller is cachewise
            frame = frame.f_back
        return NOWHERE if second_best is None else self._line(second_best)

    def _classify(self, module: dict[str, Any]) -> None:
        """Remember whether frames of *module* can be call sites."""
        file, name = str(module.get("__file__") or ""), str(module.get("__name__", ""))
        site_of: Callable[[FrameType], str] = self._line
        rank: int | None = OF_THE_PROJECT
        if name == "django.templatetags.cache":
            site_of = self._tell_fragment
        elif name == "django.middleware.cache":
            site_of = _middleware_of(self)
        elif name.startswith("django.contrib.sessions.backends."):
            site_of = _sessions
        else:
            rank = self._rank(file)
        self._told[name] = None if rank is None else (rank, site_of)

    def _rank(self, file: str) -> int | None:
        """Return how good a call site in *file* is, or None if it is none."""
        if file in self._beside:
            return OF_THE_EXPERIMENT
        inside = self._inside(file)
        installed = next((mark for mark in _SKIPPED if mark in inside), None)
        if installed is None:
            return None if inside == file else OF_THE_PROJECT
        package = inside.partition(installed)[2].partition("/")[0].removesuffix(".py")
        return None if package in _LIBRARIES else OF_A_PACKAGE

    def _inside(self, file: str) -> str:
        """Return the path of *file* within the project, or the whole path if it is outside."""
        return file.removeprefix(self._folder)

    def _line(self, frame: FrameType) -> str:
        place = frame.f_globals["__name__"], frame.f_lineno
        site = self._lines.get(place)
        if site is None:
            site = self._lines[place] = f"{self._shown(str(frame.f_globals['__file__']))}:{frame.f_lineno}"
        return site

    def _shown(self, file: str) -> str:
        inside = self._inside(file)
        return next((inside.partition(mark)[2] for mark in _SKIPPED if mark in inside), inside)

    def _fragment(self, frame: FrameType) -> str:
        node = frame.f_locals.get("self")
        if node is None:
            return ""
        origin = getattr(node, "origin", None)
        name = getattr(origin, "template_name", None) or getattr(origin, "name", "template")
        return f"{name}:{node.token.lineno}"

    def view(self, view: Any) -> str:
        """Return the place of a view that `cache_page` decorates: its file and first line."""
        subject = _subject(view)
        site = self._views.get(subject)
        if site is None:
            if isinstance(subject, CodeType):
                file, line = subject.co_filename, subject.co_firstlineno
            else:
                file, line = sys.modules[subject.__module__].__file__ or "", inspect.findsource(subject)[1] + 1
            site = self._views[subject] = f"{self._shown(file)}:{line}"
        return site


def _sessions(_frame: FrameType) -> str:
    return "sessions"


def _subject(view: Any) -> type | CodeType:
    """Return the class of a view, or the code of its function."""
    while True:
        kind = getattr(view, "view_class", None)
        if kind is not None:
            return kind  # type: ignore[no-any-return]
        if isinstance(view, partial):
            view = view.func  # from `method_decorator`: a method of the view
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
        # In MIDDLEWARE, Django's handler wraps the next callable; `cache_page` has the view itself.
        made = getattr(getattr(it.get_response, "__code__", None), "co_filename", "")
        per_site = made.endswith("django/core/handlers/exception.py")
        return type(it).__name__ if per_site else sites.view(it.get_response)

    return middleware
