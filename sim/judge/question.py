"""Questions for the judge. All of them can be pickled."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .compare import Shown

Stores = Mapping[tuple[str, str], Any]  # (alias, key): the value in a cache that is a store, for instance of sessions


class Question(NamedTuple):
    """A call that can be repeated: the function's name, its arguments, and its user.

    `replay` holds the data to repeat a journey's request; with None the function is called.
    """

    name: str
    args: tuple[Any, ...] = ()
    replay: Mapping[str, Any] | None = None
    user: Any = None  # which user
    cookies: Mapping[str, str] = {}


class Read(NamedTuple):
    """A read with its result: `first` and `last` are the newest states when it began and when it ended."""

    number: int
    question: Question
    began_s: float
    first: int
    last: int
    digest: bytes
    stores: Stores = {}


Evaluate = Callable[[Question, float, Stores], Shown]  # the result of a question without a cache, at a time
