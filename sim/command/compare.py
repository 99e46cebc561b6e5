"""`compare()`: does in Python what the verb `run` does on the command line."""

import operator
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import reports
from ..contract import Strategy
from ..errors import UserError, masked, one_line
from ..experiment import Outcome, strategy_label, strategy_spec
from ..own.find import is_strategy
from ..runner import check
from ..world.scenario import DEFAULTS, Scenario
from ..world.seeds import DEFAULT_SEED
from .choose import Choice, choose_scenario
from .plan import Plan, left_out, make_plan, note_timeouts, set_by_user
from .results import simulate, with_answers

if TYPE_CHECKING:
    import pandas as pd


def compare(
    scenario: Scenario | str | os.PathLike[str],
    strategies: Strategy | str | Iterable[Strategy | str] | None = None,
    backends: str | Iterable[str] = "shared",
    seeds: int | Iterable[int] = DEFAULT_SEED,
    *,
    jobs: int = 0,
) -> "Comparison":
    """Simulate *scenario* under every strategy, on every backend and with every seed, and return the results.

    It works in a notebook and in a script, also in one without ``if __name__ == "__main__"``. The runs go side by side
    in processes of their own, which do not import the script. So strategies that the script or the notebook defines
    are run one by one in this process: put them into a module to use all cores. Nothing is printed, but a terminal
    shows a progress bar meanwhile.

    Args:
        scenario: a `Scenario`, or its name or file as on the command line (``"product_list"``, ``"./mine.py"``).
        strategies: instances (``TtlOnly(timeout=60)``), or texts as on the command line (``"ttl-only:timeout=60"``);
            if left out, all that the backend's cache can run.
        backends: names of `cachewise.sim.backends.BACKENDS`, files ``FILE.toml``, or ``settings:MODULE``.
        seeds: K for the seeds 1 to K, or the seeds themselves: ``[3]`` is seed 3 alone.
        jobs: how many runs go side by side; 0: one per core; 1: all in this process.

    Raises:
        UserError: for bad input, in one line. Exceptions of a strategy are passed on unchanged.
    """
    choice = Choice(scenario, own_file=True) if isinstance(scenario, Scenario) else choose_scenario(_target(scenario))
    chosen, where, numbers = _strategies(strategies), _backends(backends), _seeds(seeds)
    if _whole(jobs) is None or jobs < 0:
        raise UserError(f"jobs={one_line(repr(jobs))} must be a whole number, 0 or more")
    plan = make_plan(choice, chosen, where, None, seeds=numbers)
    for one in plan.runs:
        check(one.scenario, one.strategy, one.seed)
    if not plan.runs:
        raise UserError("there is nothing to run: no strategy, backend or seed is left")
    outcomes = simulate(plan.runs, jobs, None)
    note_timeouts(plan, outcomes)
    return Comparison(plan, outcomes, _call(scenario, chosen, where, numbers))


class Comparison:
    """The result of `compare`. A notebook shows its table and answer; `print` shows them as the command line does.

    `outcomes` has one entry a run; `left_out` says which strategies were not run, and why.
    """

    def __init__(self, plan: Plan, outcomes: list[Outcome], call: str) -> None:
        self.outcomes = outcomes
        self.left_out = left_out(plan)
        self._yours = set_by_user(plan)
        self._call = call

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a run, as in `summary.csv`: scenario, strategy, backend, seed, the metrics, the notes."""
        return reports.frame(self.outcomes)

    @cached_property
    def answer(self) -> str:
        """The answer: which strategy to choose, in words, as the command line prints it."""
        return "\n".join(reports.answer_text(self.outcomes)).strip("\n")

    def write_page(self, folder: str | os.PathLike[str]) -> Path:
        """Write the report that ``cachewise run --out FOLDER`` writes, and return the path of its page.

        Raises:
            UserError: if the folder cannot be written to.
        """
        return reports.write_report(self.outcomes, Path(folder), self._call, self._yours)

    def _repr_html_(self) -> str:
        gone = "".join(f"<p>{escape(line)}</p>\n" for line in self.left_out)
        return reports.excerpt(self.outcomes) + gone

    def __str__(self) -> str:
        return "\n".join([with_answers(self.outcomes).rstrip("\n"), *self.left_out])

    def __repr__(self) -> str:
        runs = [one.run for one in self.outcomes]
        strategies = ", ".join(dict.fromkeys(strategy_label(one.strategy) for one in runs))
        backends = ", ".join(dict.fromkeys(one.backend for one in runs))
        seeds = ", ".join(dict.fromkeys(str(one.seed) for one in runs))
        name = one_line(runs[0].scenario.name)
        return one_line(f"<Comparison on {name}: {strategies}; backend {backends}; seed {seeds}>", 300)


def _target(scenario: Any) -> str:
    if not isinstance(scenario, str | os.PathLike):
        raise UserError(
            f"compare() takes a cachewise.Scenario first, or the name or the file of one, not {type(scenario).__name__}"
        )
    return os.fspath(scenario)


def _strategies(given: Any) -> list[str | Strategy] | None:
    """Return the strategies as a list; None, which means all, stays None."""
    if given is None:
        return None
    alone = isinstance(given, str | type) or _is_strategy(given) or not isinstance(given, Iterable)
    chosen: list[Any] = [given] if alone else list(given)
    if not chosen:
        raise UserError("strategies=[] is empty; leave it out for all strategies that can run")
    for one in chosen:
        if isinstance(one, type) and is_strategy(one):
            raise UserError(f"compare() takes instances of strategies: write {one.__name__}(), not {one.__name__}")
        if isinstance(one, type) or not (isinstance(one, str) or _is_strategy(one)):
            raise UserError(
                "compare() takes strategies such as TtlOnly(timeout=60) or 'ttl-only:timeout=60', "
                f"not {one_line(repr(one), 60)}"
            )
    _tell_apart([one for one in chosen if not isinstance(one, str)])
    return chosen


def _tell_apart(chosen: Sequence[Strategy]) -> None:
    """Refuse different strategies that would have the same name in tables."""
    named: dict[str, Strategy] = {}
    for one in chosen:
        other = named.setdefault(strategy_spec(one), one)
        if other is not one and (type(other) is not type(one) or other != one):
            raise UserError(f"two different strategies are called {strategy_spec(one)}: give each a name of its own")


def _is_strategy(given: Any) -> bool:
    return not isinstance(given, type) and all(callable(getattr(given, verb, None)) for verb in ("read", "write"))


def _backends(given: Any) -> list[str]:
    names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if not names or not all(isinstance(one, str) for one in names):
        raise UserError(f"backends={one_line(repr(given), 60)} must be a name such as 'shared', or a list of names")
    return names


def _seeds(given: Any) -> Sequence[int]:
    """Return the seeds: 1 to *given*, or those in *given*.

    Raises:
        UserError: if there are none, or they are not whole numbers.
    """
    listed = given if isinstance(given, Iterable) else range(1, (_whole(given) or 0) + 1)
    numbers = [-1 if number is None else number for number in map(_whole, listed)]
    if not numbers or min(numbers) < 0:
        raise UserError(f"seeds={one_line(repr(given), 60)} must be K for the seeds 1 to K, or a list of whole numbers")
    return list(dict.fromkeys(numbers))


def _whole(value: Any) -> int | None:
    """Return a whole number, NumPy's included, as Python's; None for anything else."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _call(scenario: Any, strategies: Any, backends: list[str], seeds: Sequence[int]) -> str:
    """Return the Python code for the same report; of a scenario it has the fields that differ from the defaults."""
    if isinstance(scenario, Scenario):
        values = {name: getattr(scenario, name) for name in DEFAULTS}
        changed = [f"{name}={one_line(repr(value))}" for name, value in values.items() if value != DEFAULTS[name]]
        shown = f"Scenario({', '.join([repr(scenario.name), *changed])})"
    else:
        shown = repr(os.fspath(scenario))
    consecutive = list(seeds) == list(range(1, len(seeds) + 1))
    parts = [shown, repr(strategies), repr(backends), f"seeds={len(seeds) if consecutive else list(seeds)}"]
    return masked(f"compare({', '.join(parts)})")
