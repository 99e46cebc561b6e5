"""What the judge answers."""

import math
from typing import NamedTuple


class Verdict(NamedTuple):
    """What the truth says of a read; fresh, unless one of the three is set.

    `stale`: its age runs from the commit `outdated_by`, which came after the last state on which it was true, `behind`
    commits before the read began; `changed` are those of them that changed what the read should have given.
    `never_true`: it was true on no state so far. `unknown`: its snapshot had to make room for others, so that nobody
    can say.
    """

    number: int
    stale: bool = False
    age_s: float = math.nan
    never_true: bool = False
    outdated_by: int = -1
    behind: int = 0
    unknown: bool = False
    changed: tuple[int, ...] = ()
