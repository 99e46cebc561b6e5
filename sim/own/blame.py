"""Whose mistake an error is: what came through a file of the user's own is said in one line, with that line's number.

What never touched such a file is cachewise's own mistake, and stays a traceback.
"""

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import FrameSummary, TracebackException, extract_tb
from types import FunctionType
from typing import Any

from django.core.cache.backends.base import InvalidCacheKey

from ..errors import CodeError, ForbiddenError, StrategyError, UserError, one_line, words_of
from ..processes.interrupts import Terminated
from .sources import THEIRS, from_here

_SIM = Path(__file__).parents[1]
_CONTRACT = str(_SIM / "contract.py")  # what it raises is about what it was handed
_ABOUT_STRATEGIES = (ForbiddenError, StrategyError, InvalidCacheKey)
_OURS = tuple(f"{_SIM.parent / name}/" for name in ("sim", "reports", "strategies", "scenarios", "src/cachewise"))


@contextlib.contextmanager
def said_plainly(instead: str = "") -> Iterator[None]:
    """Turn what somebody's own code raises into a `CodeError`; *instead* says where, if its files do not.

    What is said in one line already gets the place before it.

    Raises:
        CodeError: in place of their exception; any other one comes out as it is.
    """
    try:
        yield
    except UserError as error:
        place = place_of(error) or place_of(error.__cause__) or instead
        theirs = instead or isinstance(error, _ABOUT_STRATEGIES)  # else the backend's, or the scenario's
        if place and theirs and not str(error).startswith(place):
            error.args = (f"{place}: {error}", *error.args[1:])
        raise
    except (Exception, SystemExit) as error:
        found = code_error(error, instead)
        if found is None:
            raise
        raise found from None


def code_error(error: BaseException, instead: str = "") -> CodeError | None:
    """Return the line about an *error* that came through somebody's own file, with their frames; None for any other.

    *instead* names the place if no file of theirs is among the frames: their code could not even be compiled, say.
    """
    if isinstance(error, (UserError, Terminated)) or not isinstance(error, (Exception, SystemExit)):
        return None
    if isinstance(error, OSError) and error.errno == errno.EMFILE:  # this has a line of its own
        return None
    stack = extract_tb(error.__traceback__)
    if instead:
        _adopt(error, stack)
    place = _innermost(error, stack) or instead
    if not place:
        return None
    said = error.msg if isinstance(error, SyntaxError) else words_of(error)
    words = [f"{place}: {type(error).__name__}{': ' if said else ''}{said}", *getattr(error, "__notes__", ())]
    line = one_line(" ".join([*words, *_within_ours(error, stack)]), 300)
    return CodeError(line, "".join(_only_theirs(TracebackException.from_exception(error)).format()))


def place_of(error: BaseException | None) -> str:
    """Return the innermost place in somebody's own file that an *error* came through: "./mine.py, line 12"."""
    return "" if error is None else _innermost(error, extract_tb(error.__traceback__))


def where_written(strategy: object, verb: str) -> str:
    """Return "./mine.py, line 12: " for the method *verb* of a strategy in somebody's file; else nothing."""
    return where_defined(getattr(strategy, "functions", {}).get(verb) or getattr(type(strategy), verb, None))


def where_defined(func: Any) -> str:
    """Return "./mine.py, line 12: " for a function in somebody's file; else nothing."""
    if not isinstance(func, FunctionType) or func.__code__.co_filename not in THEIRS:
        return ""
    return f"{THEIRS[func.__code__.co_filename]}, line {func.__code__.co_firstlineno}: "


def in_background(func: Callable[[], object], title: str, worker: int, time: Callable[[], float]) -> None:
    """Call *func*, work in the background; what it raises says so."""
    try:
        func()
    except (Exception, SystemExit) as error:
        where = f"in background work of {title} on worker {worker}, {time():.6f} s into the run"
        if isinstance(error, SystemExit) and not isinstance(error, Terminated) and not place_of(error):
            raise StrategyError(f"SystemExit: {words_of(error)} {where}") from None  # else it would end all in silence
        error.add_note(where)
        raise


def _innermost(error: BaseException, stack: list[FrameSummary]) -> str:
    """Return the innermost place in a file of theirs."""
    if isinstance(error, SyntaxError) and error.filename in THEIRS:
        return f"{THEIRS[error.filename]}, line {error.lineno}" if error.lineno else THEIRS[error.filename]
    places = [f"{THEIRS[frame.filename]}, line {frame.lineno}" for frame in stack if frame.filename in THEIRS]
    return places[-1] if places else ""


def _adopt(error: BaseException, stack: list[FrameSummary]) -> None:
    """Take the file that was loaded, and one that it has loaded and that is no Python, for theirs."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        THEIRS.setdefault(error.filename, from_here(error.filename))
    loaded = [one.filename for one in stack if not (_is_ours(one) or "importlib" in one.filename)]
    if loaded and not any(name in THEIRS for name in loaded):
        THEIRS[loaded[0]] = from_here(loaded[0])


def _is_ours(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_OURS) and frame.filename not in THEIRS


def _within_ours(error: BaseException, stack: list[FrameSummary]) -> list[str]:
    """Say where in cachewise an error was raised: called wrongly, or wrong itself, nobody can tell here."""
    ours = stack and _is_ours(stack[-1]) and stack[-1].filename != _CONTRACT
    if not ours or type(error).__module__.startswith("django."):
        return []
    file = Path(stack[-1].filename).relative_to(_SIM.parent).as_posix()
    return [f"(raised in cachewise's {file}, line {stack[-1].lineno}; --traceback shows the way there)"]


def _only_theirs(told: TracebackException) -> TracebackException:
    """Cut a traceback, and those that it came from, to what lies in and behind their files.

    Frames of ours stay where the error was raised in one.
    """
    stack = list(told.stack)
    first = next((nth for nth, frame in enumerate(stack) if frame.filename in THEIRS), len(stack))
    behind = stack[first:]
    if behind and not _is_ours(behind[-1]):
        behind = [frame for frame in behind if not _is_ours(frame) and frame.filename != contextlib.__file__]
    told.stack[:] = behind
    for other in (told.__cause__, told.__context__):
        if other is not None:
            _only_theirs(other)
    return told
