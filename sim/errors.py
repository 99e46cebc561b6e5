"""The one exception for bad input: a clear line for people, never a traceback."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input; the message is one line that says what is wrong, where, and the nearest right thing."""


class StrategyError(UserError):
    """A strategy did something its contract rules out."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for an unknown *name*, naming the nearest of *known*."""
    names = sorted(known)
    by_lower_case = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.5)
    hint = f"did you mean {by_lower_case[close[0]]!r}?" if close else f"known: {', '.join(names)}"
    return UserError(f"unknown {kind} {one_line(name)!r}; {hint}")


def one_line(text: object, limit: int = 80) -> str:
    """Return *text* fit for a one-line message: line breaks escaped, long tails cut."""
    line = str(text).encode("unicode_escape").decode("ascii") if not str(text).isprintable() else str(text)
    return line if len(line) <= limit else line[: limit - 3] + "..."
