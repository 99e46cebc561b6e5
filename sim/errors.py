"""The one exception for bad input: a clear line for people, never a traceback."""

import difflib
import re
import traceback
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input; the message is one line that says what is wrong, where, and the nearest right thing."""


class StrategyError(UserError):
    """A strategy did something its contract rules out."""


class CodeError(UserError):
    """Somebody's own code raised an exception: the message names their file and line, `frames` is their traceback."""

    def __init__(self, message: str, frames: str = "") -> None:
        super().__init__(message, frames)
        self.frames = frames

    def __str__(self) -> str:
        return str(self.args[0])


class ForbiddenError(UserError):
    """A run reached for something it must not have, or cannot have: it ends, whoever was asking."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for an unknown *name*, naming the nearest of *known*."""
    names = sorted(known)
    by_lower_case = {one.lower(): one for one in names}
    begin = [one for one in by_lower_case if len(name) > 2 and one.startswith(name.lower())]
    close = begin or difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.55)
    hint = f"did you mean {by_lower_case[close[0]]!r}?" if close else f"known: {', '.join(names)}"
    return UserError(f"unknown {kind} {one_line(name)!r}; {hint}")


def words_of(error: BaseException) -> str:
    """Return what an exception says, whatever its class makes of that."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - somebody's own __str__
        return f"(its __str__ raises {type(another).__name__})"


def masked(text: str) -> str:
    """Return *text* with the user and the password of every URL in it hidden, in front of the host and in the query."""
    text = re.sub(r"://[^@/\s]*@", "://***@", text)
    return re.sub(r"([?&](?:username|password)=)[^&#\s'\"]+", r"\1***", text)


# Where a cache refuses what a strategy asks of it (a value too large, a script it does not know), its client says why.
_CLIENTS = ("redis", "django_redis", "valkey", "django_valkey", "pymemcache", "pylibmc", "psycopg")


def refusal_of(error: Exception) -> str | None:
    """Return one line for an error of a cache's client, with the request in which it came; None for any other error."""
    frames = traceback.walk_tb(error.__traceback__)
    raised_in = [frame.f_globals.get("__name__", "") for frame, _line in frames][-1:]
    modules = (type(error).__module__, *raised_in)  # a client stumbles now and then: its TypeError is a refusal, too
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
    """Return a file's name fit for a one-line message: of a long path the end is kept, which tells most."""
    line = one_line(name, len(str(name)) * 10)
    return line if len(line) <= limit else "..." + line[3 - limit :]
