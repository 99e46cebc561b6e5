"""The command: `python -m bench` plays the rounds, prints the table and writes the JSON."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.case import BACKEND, RATES_PER_S, SEED, STRATEGY, WRITE_RATIO
from bench.memory import REQUESTS, peak_memory_bytes
from bench.rounds import SIDES, Contest, Timings

PACKAGES = ("cachewise", "simpy", "greenlet", "Django", "numpy", "pandas")
LEAST_ROUNDS = 5
MOST_RUN_OVER_BARE = {"every": 2.8, "mean": 2.2}
LEAST_TEXTBOOK_OVER_RUN = {"every": 1.3, "mean": 1.5}
MOST_PEAK_BYTES = 600_000_000

Report = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    options = _options(arguments)
    console = Console(stderr=True)
    memory = None if options.no_memory else _memory(console)
    contests = []
    for rate_per_s in RATES_PER_S:
        console.print(f"recording and checking {rate_per_s:,g} requests a second", highlight=False)
        contests.append(Contest(rate_per_s, options.requests))
    for number in range(options.rounds):
        console.print(f"round {number + 1} of {options.rounds}", highlight=False)
        turn = number % len(SIDES)  # so that no side always follows the same other side
        for contest in contests:
            contest.play_round((*SIDES[turn:], *SIDES[:turn]))
    report = report_of([contest.timings for contest in contests], memory)
    print_report(report, Console())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {options.out}", highlight=False)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds, at least 5 (default %(default)s)")
    parser.add_argument("--requests", type=int, default=200_000, help="requests a run (default %(default)s)")
    parser.add_argument("--no-memory", action="store_true", help=f"leave the {REQUESTS:,}-request run out")
    parser.add_argument("--out", type=Path, default=Path("out/bench/speed.json"), help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}")
    if options.requests < 1:
        parser.error("--requests must be at least 1")
    return options


def _memory(console: Console) -> Report:
    console.print(f"peak memory of {REQUESTS:,} requests", highlight=False)
    peak_bytes = peak_memory_bytes()
    return {"requests": REQUESTS, "peak_bytes": peak_bytes, "most_bytes": MOST_PEAK_BYTES}


def report_of(timings: list[Timings], memory: Report | None) -> Report:
    """Return everything measured, as plain data."""
    rates = [_rate_report(one) for one in timings]
    return {
        "what": {
            "strategy": repr(STRATEGY),
            "backend": BACKEND,
            "seed": SEED,
            "clock": "processor time",
            "write_ratio": WRITE_RATIO,
            "garbage": "automatic collection is off on all sides while timed; run() makes its own collections",
        },
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "packages": {name: version(name) for name in PACKAGES},
        },
        "rates": rates,
        "mean_of_medians": {
            name: fmean(rate[name]["median"] for rate in rates) for name in ("run_over_bare", "textbook_over_run")
        },
        "targets": {"run_over_bare_at_most": MOST_RUN_OVER_BARE, "textbook_over_run_at_least": LEAST_TEXTBOOK_OVER_RUN},
        "memory": memory,
    }


def _rate_report(timings: Timings) -> Report:
    return {
        "requests_per_virtual_s": timings.rate_per_s,
        "requests": timings.requests,
        "cache_calls": timings.calls,
        "us_per_request": {side: timings.microseconds(side) for side in SIDES},
        "seconds": timings.seconds,
        "run_over_bare": {"median": median(timings.run_over_bare), "rounds": timings.run_over_bare},
        "textbook_over_run": {"median": median(timings.textbook_over_run), "rounds": timings.textbook_over_run},
    }


def print_report(report: Report, console: Console) -> None:
    """Print the table, the ratios of every round, and whether each target is met."""
    table = Table("requests a virtual second", *(f"{side} us" for side in SIDES), "run / bare", "textbook / run")
    for rate in report["rates"]:
        times = (f"{rate['us_per_request'][side]:.2f}" for side in SIDES)
        ratios = (f"{rate[name]['median']:.2f}" for name in ("run_over_bare", "textbook_over_run"))
        table.add_row(f"{rate['requests_per_virtual_s']:,g}", *times, *ratios)
    means = report["mean_of_medians"]
    table.add_row("mean", "", "", "", *(f"{means[name]:.2f}" for name in ("run_over_bare", "textbook_over_run")))
    console.print(table)
    for name in ("run_over_bare", "textbook_over_run"):
        console.print(f"{name}, round by round:")
        for rate in report["rates"]:
            ratios = " ".join(f"{ratio:.2f}" for ratio in rate[name]["rounds"])
            console.print(f"  {rate['requests_per_virtual_s']:>8,g}  {ratios}", highlight=False)
    for line in verdicts(report):
        console.print(line, highlight=False)


def verdicts(report: Report) -> list[str]:
    """Return a line for each target: the target, the measured value, and whether it is met."""
    over_bare = [rate["run_over_bare"]["median"] for rate in report["rates"]]
    over_run = [rate["textbook_over_run"]["median"] for rate in report["rates"]]
    lines = [
        _verdict("run / bare, worst rate, at most", MOST_RUN_OVER_BARE["every"], max(over_bare), most=True),
        _verdict("run / bare, mean of rates, at most", MOST_RUN_OVER_BARE["mean"], fmean(over_bare), most=True),
        _verdict("textbook / run, worst rate, at least", LEAST_TEXTBOOK_OVER_RUN["every"], min(over_run), most=False),
        _verdict(
            "textbook / run, mean of rates, at least", LEAST_TEXTBOOK_OVER_RUN["mean"], fmean(over_run), most=False
        ),
    ]
    memory = report["memory"]
    if memory is not None:
        what = f"peak memory of {memory['requests']:,} requests in MB, at most"
        lines.append(_verdict(what, memory["most_bytes"] / 1e6, memory["peak_bytes"] / 1e6, most=True))
    return lines


def _verdict(what: str, target: float, measured: float, *, most: bool) -> str:
    met = measured <= target if most else measured >= target
    return f"{what} {target:g}: {measured:.4g} ({'met' if met else 'missed'})"


if __name__ == "__main__":
    sys.exit(main())
