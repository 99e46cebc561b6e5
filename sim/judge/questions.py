"""What the judge is asked, and what it answers. All of it pickles."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..project.watch import Tables
from .compare import Shown

Stores = Mapping[tuple[str, str], Any]  # (alias, key): the value that a cache keeps as a store, a session for instance


class Question(NamedTuple):
    """What was called, so that it can be called again: the function's name, its arguments, and who called it.

    `replay` repeats a journey's request (method, path, query, body, headers); None: call the function.
    """

    name: str
    args: tuple[Any, ...] = ()
    replay: tuple[Any, ...] | None = None
    user: Any = None  # its primary key
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


class Verdict(NamedTuple):
    """What the truth says of a read; fresh, unless one of the three is set.

    `stale`: its age runs from the commit `outdated_by`, which came after the last state on which it was true, `behind`
    commits before the read began. `never_true`: it was true on no state so far. `unknown`: its snapshot had to make
    room for others, so that nobody can say.
    """

    number: int
    stale: bool = False
    age_s: float = math.nan
    never_true: bool = False
    outdated_by: int = -1
    behind: int = 0
    unknown: bool = False


class Evaluated(NamedTuple):
    """What a question gives without a cache on one state, and the tables that its statements named."""

    shown: Shown
    tables: Tables


Evaluate = Callable[[Question, float, Stores], Evaluated]
