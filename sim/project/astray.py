"""Forbidden to real threads while requests are served: caches and databases, because no virtual time passes there.

A thread that uses one gets an error, and the run ends. Otherwise the thread would read and write beside the run,
unnoticed.
"""

import sys
import sysconfig
import threading
from _thread import get_ident
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType, MethodType
from typing import Any

from ..engine.scheduler import Engine
from ..errors import StrategyError
from .work import ADVICE, RUN

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_OURS = str(Path(__file__).resolve().parents[2])


_shown: list[tuple[int, list[str]]] = []  # while a function is tried: its thread, and uses by other threads


def refuse_in_threads(engine: Engine) -> None:
    """Refuse every use of Django's `caches` and `connections` in another thread than that of *engine*'s run."""
    engine.advice = ADVICE
    engine.astray = MethodType(_astray, engine)  # type: ignore[method-assign]
    _watch()


@contextmanager
def threads_refused() -> Iterator[list[str]]:
    """Refuse the same in a ``with`` block without a run, in threads other than this one; give the refusals."""
    _watch()
    refused: list[str] = []
    _shown.append((get_ident(), refused))
    try:
        yield refused
    finally:
        _shown.pop()


def _watch() -> None:
    from django.utils import connection

    handler: Any = connection.BaseConnectionHandler
    if not hasattr(handler.__getitem__, "__wrapped__"):
        handler.__getitem__ = _on_the_right_thread(handler.__getitem__)


def _on_the_right_thread(get: Any) -> Any:
    @wraps(get)
    def got(self: Any, alias: str) -> Any:
        engine = RUN.engine
        if engine is not None and get_ident() != engine.thread:
            raise engine.astray(_used(self, alias))
        if _shown and get_ident() != _shown[-1][0]:
            _shown[-1][1].append(_told(_used(self, alias)))
            raise StrategyError(_shown[-1][1][-1])
        return get(self, alias)

    return got


def _used(handler: Any, alias: str) -> str:
    return f"{getattr(handler, 'settings_name', None) or type(handler).__name__}[{alias!r}] used"


def _astray(engine: Engine, what: str) -> StrategyError:
    """Return the error for *what* done in a real thread, with the place in the project's code."""
    return engine.refused(_told(what.removeprefix("site.")))


def _told(what: str) -> str:
    where = f"the thread {threading.current_thread().name!r}{_place(sys._getframe(1))}"
    return f"{what} in {where}, where no virtual time passes: {ADVICE}"


def _place(frame: FrameType | None) -> str:
    """Return the innermost line that is not in Python, a library or cachewise."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*_LIBRARIES, _OURS, "<")):
            return f" ({frame.f_code.co_name}() in {Path(file).name}:{frame.f_lineno})"
        frame = frame.f_back
    return ""
