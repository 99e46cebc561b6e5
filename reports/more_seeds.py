"""More seeds: a sentence on how many may settle what is still open."""

from collections.abc import Mapping
from math import floor, log10

from .alarms import FEW_SEEDS
from .formatting import listed
from .statistics import MOST_SEEDS

STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)  # the leading figure of a large number is rounded up to one of these


def more_seeds(ran: int, needed: Mapping[str, int | None]) -> str:
    """Return a sentence on how many seeds may settle everything, and on what even `MOST_SEEDS` will not settle.

    *needed* has a number for each question that is open after *ran* seeds, or None if `MOST_SEEDS` are too few.
    """
    if ran == 1:  # without an interval nothing can be estimated
        return f"More seeds may settle it (`--seeds {FEW_SEEDS}`)."
    numbers = [number for number in needed.values() if number is not None]
    never = [thing for thing, number in needed.items() if number is None]
    too_few = f"even {MOST_SEEDS:,} would be too few. Treat them as equal"
    if not numbers:
        return f"More seeds will hardly settle it: {too_few}."
    enough = rounded_up(max(*numbers, FEW_SEEDS))
    text = f"About {enough:,} seeds may settle it (`--seeds {enough}`)"
    return f"{text}, but hardly for {listed(never)}: {too_few}." if never else f"{text}."


def rounded_up(seeds: int) -> int:
    """Return a round number that is at least *seeds*, and at most `MOST_SEEDS`."""
    if seeds <= 10:
        return seeds
    power = 10 ** floor(log10(seeds))
    return min(next(int(step * power) for step in STEPS if step * power >= seeds), MOST_SEEDS)
