"""Finds how long an entry lives after a call, to the millisecond, by asking for it at ever closer instants."""

from collections.abc import Sequence
from typing import NamedTuple

from .cases import CALLED_S, DAY_S, LIVE_S, STORED_S, TIMEOUTS, Case
from .stage import Cue, Stage

PER_S = 2000  # steps a second: half milliseconds, so that "at the instant" and "just before it" differ
HORIZON = 40 * DAY_S * PER_S
PROBES = 15  # instants in each round, so that a round narrows a window to a sixteenth
# Ask first at likely instants, to save rounds: around the given timeouts, Django's default, and a live key's rest.
LIKELY_S = (*(timeout for timeout in TIMEOUTS.values() if timeout), 300, LIVE_S - (CALLED_S - STORED_S))
FIRST = sorted({0, HORIZON, *(round(max(0, at_s + off_s) * PER_S) for at_s in LIKELY_S for off_s in (-1, 0.25))})


class Lifetime(NamedTuple):
    """How long the entry was there after the call (None: more than 40 days); `at_it`: also at that very instant.

    If not `steady`, it was once missing at an earlier time than another at which it was there.
    """

    until_ms: int | None
    at_it: bool = False
    steady: bool = True

    def __str__(self) -> str:
        if not self.steady:
            return "differs each time"
        if self.until_ms is None:
            return "for ever"
        if self.until_ms == 0 and not self.at_it:
            return "gone at once"
        return f"{'≤' if self.at_it else '<'} {self.until_ms / 1000:.10g}"


class _Window:
    """Steps after the call: at `alive` the entry was there, at `dead` it was not."""

    def __init__(self) -> None:
        self.alive, self.dead = -1, HORIZON + 1
        self.steady = True

    def probes(self) -> list[int]:
        """Return the steps at which to ask next: first likely ones, then evenly spaced ones, and the ends again."""
        if self.dead > HORIZON:
            return FIRST
        width = self.dead - self.alive
        within = {self.alive + width * nth // (PROBES + 1) for nth in range(PROBES + 1)}
        return sorted({*within, self.dead} - {-1})

    def narrow(self, step: int, *, found: bool) -> None:
        self.steady &= step < self.dead if found else step > self.alive
        if found:
            self.alive = max(self.alive, step)
        else:
            self.dead = min(self.dead, step)

    @property
    def open(self) -> bool:
        """Whether more has to be asked."""
        return self.steady and self.alive < HORIZON and self.dead - self.alive > 1

    def lifetime(self) -> Lifetime:
        if not self.steady:
            return Lifetime(None, steady=False)
        if self.alive >= HORIZON:
            return Lifetime(None)
        # Alive at a whole millisecond and dead half a millisecond later: it lived to that very instant.
        return Lifetime((self.alive + 1) // 2, at_it=self.alive % 2 == 0)


def lifetimes(stage: Stage, cases: Sequence[Case]) -> list[Lifetime]:
    """Return how long each case's entry lives after its call; every round makes the call again."""
    windows = [_Window() for _ in cases]
    while wanted := [(case, window) for case, window in zip(cases, windows, strict=True) if window.open]:
        cues: list[Cue] = [(STORED_S, case.prepare) for case, _ in wanted]
        cues += [(CALLED_S, case.perform) for case, _ in wanted]
        probes = [(case, window, step) for case, window in wanted for step in window.probes()]
        cues += [(CALLED_S + step / PER_S, case.look) for case, _, step in probes]
        answers = stage.play(cues, counted=False)[2 * len(wanted) :]
        for (_, window, step), answer in zip(probes, answers, strict=True):
            window.narrow(step, found=answer.result is not None)
    return [window.lifetime() for window in windows]
