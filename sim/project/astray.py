"""What a real thread must not touch while a run is under way: caches and databases, for which no time passes there.

Whoever asks for one is refused, and the run ends: a request's thread would otherwise read and write beside the run, and
nobody would know.
"""

import sys
import sysconfig
import threading
from _thread import get_ident
from functools import wraps
from pathlib import Path
from types import FrameType, MethodType
from typing import Any

from ..engine.scheduler import Engine
from ..errors import StrategyError
from .work import ADVICE, RUN

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_OURS = str(Path(__file__).resolve().parents[2])


def refuse_in_threads(engine: Engine) -> None:
    """Refuse every use of Django's `caches` and `connections` in another thread than that of *engine*'s run."""
    from django.utils import connection

    engine.advice = ADVICE
    engine.astray = MethodType(_astray, engine)  # type: ignore[method-assign]
    handler: Any = connection.BaseConnectionHandler
    if not hasattr(handler.__getitem__, "__wrapped__"):
        handler.__getitem__ = _on_the_runs_thread(handler.__getitem__)


def _on_the_runs_thread(get: Any) -> Any:
    @wraps(get)
    def got(self: Any, alias: str) -> Any:
        engine = RUN.engine
        if engine is not None and get_ident() != engine.thread:
            raise engine.astray(f"{getattr(self, 'settings_name', None) or type(self).__name__}[{alias!r}] used")
        return get(self, alias)

    return got


def _astray(engine: Engine, what: str) -> StrategyError:
    """Return the error for *what* being done in a real thread, with the place in the project that does it."""
    where = f"the thread {threading.current_thread().name!r}{_place(sys._getframe(1))}"
    return engine.refused(f"{what.removeprefix('site.')} in {where}, where no virtual time passes: {ADVICE}")


def _place(frame: FrameType | None) -> str:
    """Return the innermost line outside of Python, of libraries and of ours."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*_LIBRARIES, _OURS, "<")):
            return f" ({frame.f_code.co_name}() in {Path(file).name}:{frame.f_lineno})"
        frame = frame.f_back
    return ""
