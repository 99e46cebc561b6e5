"""The judge's answer."""

import math
from typing import NamedTuple


class Verdict(NamedTuple):
    """The verdict on a read: fresh, unless one of the three is set.

    `stale`: the read is outdated. Its age counts from the commit `outdated_by`, the first after the last state on which
    it was true, `behind` commits before the read began. `changed` are those commits that changed the right result.
    `never_true`: it was true on no state so far. `unknown`: a needed snapshot was dropped to make room, so there is no
    answer.
    """

    number: int
    stale: bool = False
    age_s: float = math.nan
    never_true: bool = False
    outdated_by: int = -1
    behind: int = 0
    unknown: bool = False
    changed: tuple[int, ...] = ()
