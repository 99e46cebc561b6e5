"""The verb `bench`: runs a scenario for real."""

from typing import Annotated

import typer

from . import options
from .exit_codes import say_own_frames, show_own_frames
from .results import carry_out, end_with, report

ABOUT_BENCH = f"""{options.HOW_LONG} For example, 2 strategies on 2 backends with 5 seeds,
--set warmup_s=5s and --duration 10s are 20 runs of 18 seconds: 6 minutes. Without --strategy, --set and --duration it
can take hours.

{options.NEEDED}

\b
Example:
  cachewise bench wall_check --strategy delete-on-write \\
    --backend redis --duration 10s
"""
ServerUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="a cache server of yours to use instead of a private one, such as redis://127.0.0.1:6379/15. "
        "redis and django-redis: redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix://PATH?db=DB; "
        "memcached: memcached://HOST:PORT or unix://PATH",
    ),
]
MayBeFlushed = Annotated[
    bool,
    typer.Option(
        "--this-server-may-be-flushed",
        help="--server needs it: everything on that server is deleted before and after each run, and whenever a "
        "strategy clears the cache: on Redis all keys of database DB (FLUSHDB), on Memcached all keys (flush_all), "
        "also those of other applications",
    ),
]


def bench(
    context: typer.Context,
    scenario: options.Target,
    strategy: options.StrategyNames = None,
    backend: Annotated[list[str] | None, options.on_backends("locmem")] = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seed: options.Seed = None,
    seeds: options.Seeds = None,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    trace_columns: options.TraceColumns = None,
    timeout: options.Timeout = None,
    duration: options.Duration = None,
    database: options.RowsIn = None,
    added_latency: options.Added = None,
    server: ServerUrl = None,
    this_server_may_be_flushed: MayBeFlushed = False,
    out: options.Out = None,
    form: options.Form = options.Format.TABLE,
    traceback: options.Traceback = False,
) -> None:
    """Run a scenario for real, in real time.

    The processes, the threads, the cache and the database are real ones.
    """
    from ..wall.bench import around_of, bench_all, check_all, failures, how_long, lasts_s, warnings
    from ..wall.run import can_be_real
    from .choose import choose_backends, scenario_of
    from .estimate import say_if_long
    from .plan import make_plan

    show_own_frames(traceback)
    around = around_of(database, added_latency, server, may_be_flushed=this_server_may_be_flushed)
    choice = scenario_of(scenario, settings, duration, trace, trace_columns)
    backends = choose_backends(backend, backend_settings, settings_module)
    plan = make_plan(choice, strategy, backends, timeout, seed=seed, seeds=seeds, default_backends=["locmem"])
    runs = [one for one in plan.runs if strategy or can_be_real(one.strategy)]
    told = how_long(runs)

    def tell() -> None:
        check_all(runs, around)
        say_if_long(told, lasts_s(runs))

    outcomes = carry_out(runs, out, lambda advance: bench_all(runs, around, advance), told, before=tell)
    report(plan, outcomes, form, out, context)
    say_own_frames(frames for one in outcomes for frames in one.frames)
    end_with(warnings(outcomes), failures(outcomes))
