"""The verb `verify`: compares real runs with their simulation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..processes.interrupts import ignore_signals
from . import complete, options
from .exit_codes import say, say_own_frames, show_own_frames
from .results import carry_out, end_with

if TYPE_CHECKING:
    from ..verdict.result import Run
    from ..wall.run import Around
    from ..wall.verify import Pair

ABOUT_VERIFY = f"""{options.HOW_LONG} Then each is simulated 16 times, on all cores. Without options, verify
takes about 50 minutes: 90 runs of 27 seconds (5 strategies, 3 backends, 6 seeds) take 40, and 1,440 simulations 5 to
10. The example takes about a minute and a half.

{options.NEEDED}

\b
Example:
  cachewise verify --backend redis --strategy delete-on-write \\
    --seeds 3 --duration 10s
"""
STRATEGIES = ["ttl-only", "delete-in-transaction", "delete-on-write", "clear-all", "versioning"]
BACKENDS = ["locmem", "redis", "memcached"]
StrategyNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PARAM=VALUE,...]",
        help=f"as for run, one of yours included; repeatable; if left out: {', '.join(STRATEGIES)}",
        autocompletion=complete.strategies,
    ),
]
Out = Annotated[
    Path | None, typer.Option(parser=options.folder, metavar="FOLDER", help="folder for verify.csv and verify.png")
]


def verify(
    scenario: options.Target = "wall_check",
    strategy: StrategyNames = None,
    backend: Annotated[
        list[str] | None,
        options.on_backends("locmem, redis and memcached"),
    ] = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, metavar="K", help="run with seeds 1 to K")] = 6,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    trace_columns: options.TraceColumns = None,
    timeout: options.Timeout = None,
    duration: options.Duration = None,
    database: options.RowsIn = None,
    added_latency: options.Added = None,
    out: Out = None,
    form: options.Form = options.Format.TABLE,
    traceback: options.Traceback = False,
) -> None:
    """Compare real runs with their simulation.

    It runs a scenario for real, then simulates it with the measured latencies.
    """
    from ...reports import compare, render_verification, write_verification
    from ..wall.bench import around_of, failures, warnings
    from .choose import choose_backends, scenario_of
    from .plan import make_plan, note_timeouts

    show_own_frames(traceback)
    around = around_of(database, added_latency, None, may_be_flushed=False)
    choice = scenario_of(scenario, settings, duration, trace, trace_columns)
    backends = choose_backends(backend, backend_settings, settings_module)
    plan = make_plan(choice, strategy or STRATEGIES, backends, timeout, seeds=seeds, default_backends=BACKENDS)
    pairs = _carried_out(plan.runs, around, out)
    real = [pair.measured for pair in pairs]
    note_timeouts(plan, real)
    found = compare(pairs)
    typer.echo(render_verification(found, form.value))
    if out is not None:
        chart = write_verification(found, out)
        ignore_signals()  # too late, as after a page
        say(f"chart: {chart}")
    say_own_frames(frames for one in real for frames in one.frames)
    end_with([], [*warnings(real), *failures(real), *found.missed])  # whatever failed is in no figure


def _carried_out(runs: Sequence["Run"], around: "Around", out: Path | None) -> list["Pair"]:
    """Run and simulate them; what takes over a minute is said first."""
    from ..processes.cores import cores
    from ..wall.bench import how_long, lasts_s
    from ..wall.verify import REPLICATES, check_all, verify_all
    from .estimate import estimated_s, say_if_long
    from .progress import in_words

    told = how_long(runs, REPLICATES)

    def tell() -> None:
        check_all(runs, around)
        then_s = REPLICATES * (estimated_s(runs, cores()) or 0.0)
        then = f", about {in_words(then_s)}" if then_s else ""
        say_if_long(f"{told}{then}", lasts_s(runs) + then_s)

    return carry_out(
        *(runs, out, lambda advance: verify_all(runs, around, advance), told),
        each=1 + REPLICATES,
        before=tell,
        kind="verify",
    )
