"""What the judge is asked. All of it pickles."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .compare import Shown

Stores = Mapping[tuple[str, str], Any]  # (alias, key): the value that a cache keeps as a store, a session for instance


class Question(NamedTuple):
    """What was called, so that it can be called again: the function's name, its arguments, and who called it.

    `replay` is what repeats a journey's request; None: call the function.
    """

    name: str
    args: tuple[Any, ...] = ()
    replay: Mapping[str, Any] | None = None
    user: Any = None  # which one
    cookies: Mapping[str, str] = {}


class Read(NamedTuple):
    """A read as it was served: `first` and `last` are the newest states when it began and when it ended."""

    number: int
    question: Question
    began_s: float
    first: int
    last: int
    digest: bytes
    stores: Stores = {}


Evaluate = Callable[[Question, float, Stores], Shown]  # what a question gives without a cache, at a time
