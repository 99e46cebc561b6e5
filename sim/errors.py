"""Exceptions for bad input: one clear line for people, never a traceback."""

import difflib
import re
import traceback
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input; the message is one line that says what is wrong, where, and the nearest right thing."""


class StrategyError(UserError):
    """A strategy did something that its contract does not allow."""


class CodeError(UserError):
    """The user's own code raised an exception: the message names the file and line, `frames` is the traceback."""

    def __init__(self, message: str, frames: str = "") -> None:
        super().__init__(message, frames)
        self.frames = frames

    def __str__(self) -> str:
        return str(self.args[0])


class ForbiddenError(UserError):
    """A run asked for something that it must not or cannot have. The run ends, whichever code asked."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for an unknown *name*, naming the nearest of *known*."""
    names = sorted(known)
    by_lower_case = {one.lower(): one for one in names}
    begin = [one for one in by_lower_case if len(name) > 2 and one.startswith(name.lower())]
    close = begin or difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.55)
    hint = f"did you mean {by_lower_case[close[0]]!r}?" if close else f"known: {', '.join(names)}"
    return UserError(f"unknown {kind} {one_line(name)!r}; {hint}")


def words_of(error: BaseException) -> str:
    """Return the message of an exception, even if its `__str__` fails."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - somebody's own __str__
        return f"(its __str__ raises {type(another).__name__})"


def masked(text: str) -> str:
    """Return *text* with user and password hidden in every URL in it, both before the host and in the query."""
    text = re.sub(r"://[^@/\s]*@", "://***@", text)
    return re.sub(r"([?&](?:username|password)=)[^&#\s'\"]+", r"\1***", text)


# Client libraries of caches. If a cache refuses a call (a value too large, a script it does not know), they say why.
_CLIENTS = ("redis", "django_redis", "valkey", "django_valkey", "pymemcache", "pylibmc", "psycopg")


def refusal_of(error: Exception) -> str | None:
    """Return one line for an error of a cache's client library, with the request it came in; None for other errors."""
    frames = traceback.walk_tb(error.__traceback__)
    raised_in = [frame.f_globals.get("__name__", "") for frame, _line in frames][-1:]
    modules = (type(error).__module__, *raised_in)  # a client may raise, say, a TypeError: this is a refusal, too
    library = next((name for name in map(_package, modules) if name in _CLIENTS), None)
    if library is None:
        return None
    where = "; ".join(getattr(error, "__notes__", ()))
    told = one_line(f"{library}: {type(error).__name__}: {words_of(error)}", 300)
    return told + (f" ({one_line(where, 200)})" if where else "")


def _package(module: str) -> str:
    return module.partition(".")[0].removeprefix("_")


def one_line(text: object, limit: int = 80) -> str:
    """Return *text* fit for a one-line message: line breaks escaped, long tails cut."""
    line = str(text).encode("unicode_escape").decode("ascii") if not str(text).isprintable() else str(text)
    return line if len(line) <= limit else line[: limit - 3] + "..."


def file_name(name: object, limit: int = 80) -> str:
    """Return a file's name fit for a one-line message: a long path is cut at its front, as its end tells the most."""
    line = one_line(name, len(str(name)) * 10)
    return line if len(line) <= limit else "..." + line[3 - limit :]
