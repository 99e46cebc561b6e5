"""The verb `demo`: three scenarios, each shortened, under all strategies."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from . import options
from .exit_codes import say
from .results import print_results, simulate, write_page

ABOUT_DEMO = """\b
Example:
  cachewise demo --out out/demo
"""


class Part(NamedTuple):
    """A part of the demo: a scenario, shortened so that the whole takes less than a minute on two cores."""

    scenario: str
    settings: Mapping[str, str]
    timeout: str | None
    seeds: int


DEMO = (
    Part("product_list", {"duration_s": "600"}, None, 8),
    Part("transactional", {"warmup_s": "10", "duration_s": "12"}, "10", 5),
    Part("twitter_cluster52", {"duration_s": "450"}, None, 5),
)


def demo(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(parser=options.folder, metavar="FOLDER", help="folder for charts, tables and the page")
    ] = Path("out/demo"),
    jobs: options.Jobs = 0,
) -> None:
    """Compare all strategies on three workloads.

    One of them is a real trace; it takes about a minute.
    """
    from .choose import choose_scenario
    from .plan import left_out, make_plan

    plans = []
    for part in DEMO:
        choice = choose_scenario(part.scenario)
        cut = ", ".join(f"{name}={value}" for name, value in part.settings.items())
        scenario = replace(choice.scenario, why=f"{choice.scenario.why} (shortened for the demo: {cut})")
        shorter = replace(choice, scenario=scenario.with_settings(part.settings))
        plans.append(make_plan(shorter, None, [], part.timeout, seeds=part.seeds))
    outcomes = simulate([run for one in plans for run in one.runs], jobs, out, tells=True)
    print_results(outcomes, options.Format.TABLE)
    for line in left_out(plans[0]):
        say(line)
    write_page(outcomes, out, context, set())
