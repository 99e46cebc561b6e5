"""Tells errors in the user's own code from mistakes of cachewise.

An exception that passed through a file of the user's is reported in one line, with the file and the line number. Any
other one is a mistake of cachewise's own, and stays a traceback.
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
_CONTRACT = str(_SIM / "contract.py")  # it only raises errors about arguments
_ABOUT_STRATEGIES = (ForbiddenError, StrategyError, InvalidCacheKey)
_OURS = tuple(f"{_SIM.parent / name}/" for name in ("sim", "reports", "strategies", "scenarios", "src/cachewise"))


@contextlib.contextmanager
def said_plainly(instead: str = "") -> Iterator[None]:
    """Turn an exception of the user's own code into a `CodeError`.

    *instead* names the place if none of the user's files is in the traceback. A message of one line gets the place in
    front.

    Raises:
        CodeError: in place of the user's exception; any other exception is passed on unchanged.
    """
    try:
        yield
    except UserError as error:
        place = place_of(error) or place_of(error.__cause__) or instead
        theirs = instead or isinstance(error, _ABOUT_STRATEGIES)  # others are about the backend or the scenario
        if place and theirs and not str(error).startswith(place):
            error.args = (f"{place}: {error}", *error.args[1:])
        raise
    except (Exception, SystemExit) as error:
        found = code_error(error, instead)
        if found is None:
            raise
        raise found from None


def code_error(error: BaseException, instead: str = "") -> CodeError | None:
    """Return the line about an *error* that passed through a file of the user's, with its frames; None for any other.

    *instead* names the place if no file of theirs is in the traceback, for instance if it could not be compiled.
    """
    if isinstance(error, (UserError, Terminated)) or not isinstance(error, (Exception, SystemExit)):
        return None
    if isinstance(error, OSError) and error.errno == errno.EMFILE:  # too many open files: reported elsewhere
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
    """Return the innermost place in a file of the user's that an *error* passed through: "./mine.py, line 12"."""
    return "" if error is None else _innermost(error, extract_tb(error.__traceback__))


def where_written(strategy: object, verb: str) -> str:
    """Return "./mine.py, line 12: " for the method *verb* of a strategy in a file of the user's; else ""."""
    return where_defined(getattr(strategy, "functions", {}).get(verb) or getattr(type(strategy), verb, None))


def where_defined(func: Any) -> str:
    """Return "./mine.py, line 12: " for a function in a file of the user's; else ""."""
    if not isinstance(func, FunctionType) or func.__code__.co_filename not in THEIRS:
        return ""
    return f"{THEIRS[func.__code__.co_filename]}, line {func.__code__.co_firstlineno}: "


def in_background(func: Callable[[], object], title: str, worker: int, time: Callable[[], float]) -> None:
    """Call *func*, which is work in the background; its exceptions get a note that says so."""
    try:
        func()
    except (Exception, SystemExit) as error:
        where = f"in background work of {title} on worker {worker}, {time():.6f} s into the run"
        if isinstance(error, SystemExit) and not isinstance(error, Terminated) and not place_of(error):
            raise StrategyError(f"SystemExit: {words_of(error)} {where}") from None  # else all would end silently
        error.add_note(where)
        raise


def _innermost(error: BaseException, stack: list[FrameSummary]) -> str:
    """Return the innermost place in a file of the user's, or "" if there is none."""
    if isinstance(error, SyntaxError) and error.filename in THEIRS:
        return f"{THEIRS[error.filename]}, line {error.lineno}" if error.lineno else THEIRS[error.filename]
    places = [f"{THEIRS[frame.filename]}, line {frame.lineno}" for frame in stack if frame.filename in THEIRS]
    return places[-1] if places else ""


def _adopt(error: BaseException, stack: list[FrameSummary]) -> None:
    """Count the file that was being loaded as the user's, and a file that it imports if that is not valid Python."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        THEIRS.setdefault(error.filename, from_here(error.filename))
    loaded = [one.filename for one in stack if not (_is_ours(one) or "importlib" in one.filename)]
    if loaded and not any(name in THEIRS for name in loaded):
        THEIRS[loaded[0]] = from_here(loaded[0])


def _is_ours(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_OURS) and frame.filename not in THEIRS


def _within_ours(error: BaseException, stack: list[FrameSummary]) -> list[str]:
    """Say where in cachewise an error was raised: either the call or cachewise itself is wrong."""
    ours = stack and _is_ours(stack[-1]) and stack[-1].filename != _CONTRACT
    if not ours or type(error).__module__.startswith("django."):
        return []
    file = Path(stack[-1].filename).relative_to(_SIM.parent).as_posix()
    return [f"(raised in cachewise's {file}, line {stack[-1].lineno}; --traceback shows the way there)"]


def _only_theirs(told: TracebackException) -> TracebackException:
    """Remove from a traceback, and from those of its causes, all frames before the first one in a file of the user's.

    Later frames of cachewise are removed, too, unless the error was raised in one.
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
