"""The rounds: in each, the bare loop, `run` and the textbook are timed one after the other, and compared."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import process_time

import numpy as np
import pandas as pd

from bench.case import BACKEND, SEED, STRATEGY, scenario_at
from bench.replay import Recording, replay
from bench.textbook import run_textbook
from cachewise import Result, Scenario, run
from cachewise.sim.verdict.metrics import MACHINE_METRICS

SIDES = ("bare", "run", "textbook")


@dataclass
class Timings:
    """The processor seconds each side took at one rate, one entry a round."""

    rate_per_s: float
    requests: int
    calls: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})

    @property
    def run_over_bare(self) -> list[float]:
        """The time of `run` divided by that of the bare calls, round by round."""
        return self._ratios("run", "bare")

    @property
    def textbook_over_run(self) -> list[float]:
        """The time of the textbook divided by that of `run`, round by round."""
        return self._ratios("textbook", "run")

    def microseconds(self, side: str) -> float:
        """Return the median time of a request."""
        return median(self.seconds[side]) / self.requests * 1e6

    def _ratios(self, upper: str, lower: str) -> list[float]:
        return [a / b for a, b in zip(self.seconds[upper], self.seconds[lower], strict=True)]


class Contest:
    """The three sides at one rate; they are checked against each other before anything is timed."""

    def __init__(self, rate_per_s: float, requests: int) -> None:
        self._scenario = scenario_at(rate_per_s, requests)
        self._recording = Recording(self._scenario)
        ours = run_ours(self._scenario)
        check_same_answer(ours, run_textbook(self._scenario))
        self.timings = Timings(rate_per_s, int(ours.summary["reads"] + ours.summary["writes"]), len(self._recording))

    def play_round(self, order: tuple[str, ...]) -> None:
        """Time each side once."""
        for side in order:
            self.timings.seconds[side].append(getattr(self, f"_time_{side}")())

    def _time_bare(self) -> float:
        with self._recording.ready() as operations:
            return timed(lambda: replay(operations))

    def _time_run(self) -> float:
        return timed(lambda: answer_of(run_ours(self._scenario)))

    def _time_textbook(self) -> float:
        return timed(lambda: answer_of(run_textbook(self._scenario)))


def run_ours(scenario: Scenario) -> Result:
    """Run *scenario* as a user would."""
    return run(scenario, STRATEGY, backend=BACKEND, seed=SEED)


def answer_of(result: Result) -> tuple[pd.DataFrame, dict[str, float | int]]:
    """Return what a user looks at: the judged reads and the summary."""
    result.wall_s = 1.0 if np.isnan(result.wall_s) else result.wall_s
    return result.reads, result.summary


def check_same_answer(ours: Result, theirs: Result) -> None:
    """Raise unless both hold the same reads, writes and summary; times may differ by rounding."""
    close = {"check_exact": False, "rtol": 0, "atol": 1e-9}
    pd.testing.assert_frame_equal(ours.reads, theirs.reads, **close)
    pd.testing.assert_frame_equal(ours.writes, theirs.writes, **close)
    (_, left), (_, right) = answer_of(ours), answer_of(theirs)
    names = [name for name in left if name not in MACHINE_METRICS]
    np.testing.assert_allclose(
        [left[name] for name in names], [right[name] for name in names], rtol=1e-9, err_msg=str(names)
    )


def timed(func: Callable[[], object]) -> float:
    """Return the processor seconds that *func* takes; its result is freed only after the clock has stopped.

    All sides are one thread that never sleeps. On an idle machine this is the real time; on a busy one it leaves out
    most of the time of other processes.
    """
    with no_automatic_garbage_collection():
        began_s = process_time()
        kept = func()
        took_s = process_time() - began_s
    del kept
    return took_s


@contextmanager
def no_automatic_garbage_collection() -> Iterator[None]:
    """Collect garbage first, and then switch automatic collection off; `run` pays for its own collections."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
