"""The cost of running a project: `python -m bench.app` plays the shop, and compares with Django's test client.

Processor time is measured, each side in a process of its own. All sides serve the same requests on the same rows, with
one LocMem store as the cache.
"""

import argparse
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.app_sides import SIDES, Measured
from cachewise import Servers, servers
from cachewise.sim.app.errand import ANSWER, ERRAND, Errand, leave, take
from cachewise.sim.app.found import experiment_at
from cachewise.sim.app.launch import environment, run_one

TOP = Path(__file__).resolve().parents[1]
SHOP = TOP / "scenarios/apps/shop/cache_experiment.py"
BACKEND = "shared"
SEED = 1
MOST_RUN_OVER_BARE = 2.0
MOST_JUDGE_OVER_NO_CACHE = 1.0
MOST_GROWTH = 1.25  # of the cost of a request, from the small run to the large one; without noise it would be 1
LEAST_ROUNDS = 3
Round = dict[str, Measured]  # the measurements of a round, by side
FEW = 100  # requests of a run that needs hardly more memory than the set-up


class Shop:
    """The shop, its databases filled once for all rounds."""

    def __init__(self, session: Servers, rows: Path) -> None:
        found = experiment_at(str(SHOP))
        if found is None:
            raise RuntimeError(f"{SHOP} is no experiment")
        self._session = session
        further = {"rows": str(rows)}
        begun = {"start_s": found.start_s, "folder": "", "family": "sqlite", "further": further}
        scout = Errand("scout", str(found.path), found.text, found.settings, found.env, **begun)
        self._told = run_one(scout, session).opened()
        self._errand = replace(scout, task="run", databases=self._told.places, backend=BACKEND, seed=SEED)

    def measured(self, side: str, requests: int) -> Measured:
        """Let *side* serve about *requests* requests: all are measured and judged, from the first on."""
        length_s = requests / self._told.requests_per_s
        scenario = pickle.dumps(replace(self._told.scenario, warmup_s=0, duration_s=length_s))
        with self._session.folder() as folder:
            errand = replace(self._errand, folder=str(folder), scenario=scenario, further={"side": side})
            leave(folder, ERRAND, errand)
            ours = environment(os.environ)
            ours["PYTHONPATH"] = os.pathsep.join([ours["PYTHONPATH"], str(TOP)])
            subprocess.run([sys.executable, "-P", "-m", "bench.app_sides", str(folder)], check=True, env=ours)
            return Measured(**take(folder, ANSWER))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code, 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.app", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, at least 3 (default %(default)s)")
    parser.add_argument(
        "--requests",
        type=int,
        nargs=2,
        default=(10_000, 100_000),
        metavar=("SMALL", "LARGE"),
        help="requests of the run that is compared, and of a larger one (default 10000 100000)",
    )
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}")
    if not FEW < options.requests[0] < options.requests[1]:
        parser.error(f"--requests must be two numbers above {FEW}, the smaller first")
    with servers() as session, session.folder() as rows:
        rounds = rounds_of(Shop(session, rows), options.rounds, *options.requests)
    return print_report(rounds, *options.requests, Console())


def rounds_of(shop: Shop, rounds: int, small: int, large: int) -> list[Round]:
    """Let all sides serve, in turn.

    Raises:
        RuntimeError: if the sides have not made the same reads.
    """
    console = Console(stderr=True)
    sides = [*((side, side, small) for side in SIDES), ("large run", "run", large), ("few requests", "run", FEW)]
    found = []
    for number in range(rounds):
        console.print(f"round {number + 1} of {rounds}", highlight=False)
        turn = number % len(sides)  # so that no side always follows the same other side
        one = {name: shop.measured(side, requests) for name, side, requests in (*sides[turn:], *sides[:turn])}
        for side in SIDES[1:]:
            if one[side].reads != one["run"].reads:
                raise RuntimeError(f"{side} read {dict(one[side].reads)}, the run {dict(one['run'].reads)}")
        found.append(one)
    return found


def print_report(rounds: Sequence[Round], small: int, large: int, console: Console) -> int:
    """Print the cost of a request, the ratios and their limits; return the exit code."""
    table = Table("side", "requests", "us a request", "judging it, us", "peak MB")
    for name in rounds[0]:
        requests = {"large run": large, "few requests": FEW}.get(name, small)
        play_us, judge_us = (_median(rounds, name, field) / requests * 1e6 for field in ("play_s", "judge_s"))
        numbers = (play_us, judge_us, _median(rounds, name, "peak_bytes") / 1e6)
        table.add_row(name, f"{requests:,}", *(f"{one:,.0f}" if one else "" for one in numbers))
    console.print(table)
    missed = False
    for what, bar, ratio in ratios_of(small, large):
        measured = [ratio(one) for one in rounds]
        met = median(measured) <= bar
        missed |= not met
        spread = f"{min(measured):.2f} to {max(measured):.2f}"
        verdict = "met" if met else "missed"
        line = f"{what}, at most {bar:g}: {median(measured):.2f} ({verdict}; {spread})"
        console.print(line, highlight=False, soft_wrap=True)
    return int(missed)


def ratios_of(small: int, large: int) -> list[tuple[str, float, Callable[[Round], float]]]:
    """Return the ratios: the name of each, the most that it may be, and the function that gives it for a round."""
    sizes = f"run of {large:,} / run of {small:,}"
    return [
        ("run / bare", MOST_RUN_OVER_BARE, lambda one: one["run"].play_s / one["bare"].play_s),
        ("judging / no cache", MOST_JUDGE_OVER_NO_CACHE, lambda one: one["run"].judge_s / one["no cache"].play_s),
        (
            f"time a request, {sizes}",
            MOST_GROWTH,
            lambda one: (one["large run"].whole_s / large) / (one["run"].whole_s / small),
        ),
        (
            f"memory a request, {sizes}",
            MOST_GROWTH,
            lambda one: (_added_bytes(one, "large run") / (large - FEW)) / (_added_bytes(one, "run") / (small - FEW)),
        ),
    ]


def _added_bytes(one: Round, name: str) -> int:
    return max(1, one[name].peak_bytes - one["few requests"].peak_bytes)


def _median(rounds: Sequence[Round], name: str, field: str) -> float:
    return median(getattr(one[name], field) for one in rounds)


if __name__ == "__main__":
    sys.exit(main())
