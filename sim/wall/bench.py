"""The bench: makes real runs one after the other, never side by side, and returns outcomes for the reports."""

from collections.abc import Callable, Sequence

from ..daemons import servers
from ..errors import UserError, masked, one_line, unknown
from ..experiment import Outcome, outcome_of
from ..verdict.result import Run
from ..world.scenario import LATENCIES
from .outcome import BACKGROUND_FAILED, REQUESTS_FAILED
from .rows import ROWS
from .run import PAUSES, Around, check_real, run_for_real

MOST_UNDECIDABLE = 0.01  # of the reads: with more, the count of outdated ones is not precise enough
FEW_ERRORS = 0.001  # of the requests
AROUND_IT_S = 3.0  # time of a real run besides its traffic: start of processes, rows, the check at the end


def bench_all(runs: Sequence[Run], around: Around, done: Callable[[Run], None] = lambda _run: None) -> list[Outcome]:
    """Run them all for real and return their outcomes in the order given; *done* is called as each one ends.

    Raises:
        UserError: before anything starts, if one of them cannot run for real.
    """
    check_all(runs, around)
    outcomes = []
    with servers() as ours:
        for one in runs:
            outcomes.append(outcome_of(run_for_real(one, ours, around)))
            done(one)
    return outcomes


def check_all(runs: Sequence[Run], around: Around) -> None:
    """Make sure that each of them can run for real.

    Raises:
        UserError: if not.
    """
    for one in runs:
        check_real(one, around)


def lasts_s(runs: Sequence[Run]) -> float:
    """Return how many seconds these real runs take, one after the other; a short trace ends sooner."""
    return sum(AROUND_IT_S + one.scenario.end_s for one in runs)


def how_long(runs: Sequence[Run], simulations: int = 0) -> str:
    """Say how many real *runs* there are and how long they take, one after the other; a short trace ends sooner.

    After each of them, *simulations* simulations follow.
    """
    seconds = lasts_s(runs)
    span = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
    about = "at most" if any(one.scenario.trace for one in runs) else "about"
    then = f", then {simulations * len(runs):,} simulations" if simulations else ""
    return f"{len(runs):,} real run{'s' * (len(runs) != 1)}, {about} {span}{then}"


def around_of(database: str | None, added: Sequence[str] | None, server: str | None, *, may_be_flushed: bool) -> Around:
    """Return the surroundings of real runs, from the command line's options.

    Raises:
        UserError: for an unknown name, or a foreign server without the permission to flush it.
    """
    if server is None and may_be_flushed:
        raise UserError(
            "--this-server-may-be-flushed needs --server URL. Without --server, each run has a private server"
        )
    if server is not None and not may_be_flushed:
        raise UserError(
            f"--server {one_line(masked(server))}: each run empties that server's cache; nothing was sent yet. "
            "If it may be emptied, add --this-server-may-be-flushed"
        )
    database = database or ("postgres" if all(one.find() for one in ROWS["postgres"].needs) else "sqlite")
    if database not in ROWS:
        raise unknown("database", database, ROWS)
    return Around(database, PAUSES if added is None else _pauses(added), server)


def _pauses(added: Sequence[str]) -> tuple[str, ...]:
    names = [name for text in added for name in text.replace(",", " ").split()]
    if names == ["none"]:
        return ()
    if names == ["all"]:
        return LATENCIES
    for name in names:
        if name in ("all", "none"):
            raise UserError(f"--added-latency {name} stands alone, without {', '.join({*names} - {name}) or 'another'}")
        if name not in LATENCIES:
            raise unknown("latency", name, (*LATENCIES, "all", "none"))
    return tuple(dict.fromkeys(names))


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each run whose reads could not be judged well enough."""
    found = []
    for one in outcomes:
        undecidable, reads = int(one.summary["undecidable"]), one.counts["reads"]
        if undecidable > MOST_UNDECIDABLE * reads:
            found.append(
                f"{one.label} on {one.run.backend}, seed {one.run.seed}: {undecidable:,} of {reads:,} reads are "
                f"undecidable (more than {MOST_UNDECIDABLE:.0%}): commits take too long for this rate of reads"
            )
    return found


def warnings(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each run in which more than a few requests failed."""
    found = []
    for one in outcomes:
        errors, requests = int(one.summary["errors"]), one.counts["requests"]
        if errors > FEW_ERRORS * requests:
            about = "; ".join(note for note in one.notes if REQUESTS_FAILED in note or BACKGROUND_FAILED in note)
            found.append(f"{one.label} on {one.run.backend}, seed {one.run.seed}: {about}")
    return found
