"""The bound: `stale_at_most` under attack."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..backends import backend_named
from ..contract import Bound, Strategy
from ..declared import declared_bound, parameters
from ..verdict.metrics import duration
from ..verdict.result import Result, Run
from ..world.latency import Latency, latency_of
from ..world.scenario import Scenario
from ..world.seeds import streams
from .attacks import SEEDS, Attack, attacks
from .finding import BrokeError, Finding, Subject

if TYPE_CHECKING:
    import pandas as pd

SHORT_S = 2  # a timeout that every cache can keep: Redis and Memcached count whole seconds
DJANGOS_S = 300  # Django's default timeout
ROUNDING_S = 2e-6  # a cache table stores times in microseconds


class Claim(NamedTuple):
    """A strategy's promise: its bound (None: no promise), and its timeout in seconds during the attacks."""

    bound: Bound | None
    timeout_s: float


class Seen(NamedTuple):
    """The result of one run of an attack.

    `age_s` is the age of the outdated read that exceeds its load by most; `load_s` is how long that load took, or may
    have taken.
    """

    result: Result
    stale: int
    oldest_s: float
    age_s: float
    load_s: float


def bound(subject: Subject) -> Iterator[Finding]:
    """Yield the finding of each attack, and last, whether a read returned a row that was not committed."""
    attacked, claim = with_short_timeout(subject)
    runs: list[Seen] = []
    for attack in attacks(claim.timeout_s, attacked.backend):
        what = f"{_promise(claim)}: {attack.name}"
        try:
            seen = [_play(attacked, attack, seed) for seed in SEEDS]
        except BrokeError as error:
            again = Run(attack.scenario, attacked.strategy, attacked.backend, SEEDS[0])
            yield Finding(what, "broke", str(error), again, error.frames)
            continue
        runs += seen
        yield _against(claim, attack, what, seen)
    if runs:
        yield from _committed(claim, runs)


def with_short_timeout(subject: Subject) -> tuple[Subject, Claim]:
    """Return the subject for the attacks, with a short timeout if it can be set, and its promise then."""
    strategy: Any = subject.strategy
    if "timeout" in parameters(strategy):
        try:
            strategy = replace(strategy, timeout=SHORT_S)
        except Exception:  # noqa: BLE001 - its code refuses the timeout with any error: it keeps its own
            strategy = subject.strategy
    timeout_s, stated = getattr(strategy, "timeout", DJANGOS_S), declared_bound(strategy)
    attacked = replace(subject, strategy=strategy)
    if stated == "timeout" and timeout_s:
        return attacked, Claim(stated, timeout_s)
    return attacked, Claim(None if stated == "timeout" else stated, SHORT_S)  # to scale the attacks


def _play(subject: Subject, attack: Attack, seed: int) -> Seen:
    result = subject.play(attack.scenario, seed)
    ages = result.stale_ages_s
    age_s, load_s = _least_explained(result.reads, slack_s(attack.scenario, seed))
    return Seen(result, stale=len(ages), oldest_s=float(ages.max(initial=0)), age_s=age_s, load_s=load_s)


def _least_explained(reads: "pd.DataFrame", least_s: float) -> tuple[float, float]:
    """Return the age of the outdated read that exceeds its load by most, and that load, *least_s* at least.

    Its load is the longest read that went to the database and returned the same version of the same key: only such a
    read can have stored this version.
    """
    stale, loads = reads[reads["stale"]], reads[~reads["hit"]]
    if stale.empty:
        return 0.0, least_s
    took_s = (loads["end_s"] - loads["start_s"]).groupby([loads["key"], loads["version"]], observed=True).max()
    allowed_s = stale[["key", "version"]].join(took_s.rename("load_s"), on=["key", "version"])["load_s"]
    ages_s, loads_s = stale["stale_age_s"].to_numpy(), allowed_s.fillna(0).clip(lower=least_s).to_numpy()
    worst = int((ages_s - loads_s).argmax())
    return float(ages_s[worst]), float(loads_s[worst])


def _against(claim: Claim, attack: Attack, what: str, seen: list[Seen]) -> Finding:
    """Compare the worst run of an attack with the claim."""
    allowance = claim.bound == "timeout"
    worst = max(seen, key=lambda one: (one.age_s - one.load_s if allowance else one.oldest_s, one.stale))
    reads, stale = sum(len(one.result.reads) for one in seen), sum(one.stale for one in seen)
    run = worst.result.run
    share = f"{stale:,} of {reads:,} reads outdated, the oldest {duration(worst.oldest_s)}"
    facts = share if stale else f"no outdated read in {reads:,}"
    if claim.bound in (None, "none"):
        return Finding(what, "not claimed", f"{facts}; {_unclaimed(run.strategy)}", run)
    if claim.bound == "never":
        apart = attack.scenario.workers not in (None, 1) and not backend_named(run.backend).one_store
        if stale and apart:
            return Finding(what, "not claimed", f"{facts}: each worker has a store of its own", run)
        return Finding(what, "broke" if stale else "held", facts, run)
    which = f" for the one of {duration(worst.age_s)}" if worst.age_s < worst.oldest_s else ""
    allowed = f"allowed{which}: {duration(claim.timeout_s)} and a load of {duration(worst.load_s)}"
    broke = worst.age_s > claim.timeout_s + worst.load_s
    return Finding(what, "broke" if broke else "held", f"{facts}; {allowed}", run)


def _unclaimed(strategy: Strategy) -> str:
    """Return why a strategy promises nothing about outdated reads."""
    stated = declared_bound(strategy)
    if stated is None:
        return "no `stale_at_most` is declared"
    return f"`stale_at_most` is {stated!r}" + (", and there is no timeout" if stated == "timeout" else "")


def _committed(claim: Claim, runs: list[Seen]) -> Iterator[Finding]:
    """Yield whether reads returned rows before their commit, or rows that were rolled back."""
    for metric, what, how in (
        ("dirty_ratio", "no row before its commit", "returned a row that was committed only later"),
        ("aborted_ratio", "no row that was rolled back", "returned a row that was never committed"),
    ):
        worst = max((one.result for one in runs), key=lambda one: one.summary[metric])
        ratio = worst.summary[metric]
        if not ratio:
            yield Finding(what, "held", "in all attacks")
            continue
        facts = f"{ratio:.2%} of the reads {how} ({worst.run.scenario.name})"
        if claim.bound == "never":
            yield Finding(what, "broke", facts, worst.run)
        else:
            yield Finding(what, "not claimed", f"{facts}; `stale_at_most` is about outdated rows only", worst.run)


def _promise(claim: Claim) -> str:
    return {"never": "never outdated", "timeout": "outdated at most the timeout"}.get(claim.bound or "", "outdated")


@cache
def longest_s(field: str, spec: Latency, seed: int) -> float:
    """Return the longest latency that *field* can have in a run."""
    draw = latency_of(field, spec, streams(seed)[field])
    return 0.0 if draw is None else max(draw(request, 0) for request in range(1 << 16))


def slack_s(scenario: Scenario, seed: int) -> float:
    """Return how much older than its timeout an entry's row can be.

    The row was loaded by a query that began before the entry was stored. Between them are the query, the rendering and
    calls of the cache: at most the answer of the last lookup, a has_key and half of the set itself. A row that was
    written rather than loaded is stored sooner after its commit. The database backend rounds times to microseconds.
    """
    load_s = longest_s("db_read_s", scenario.db_read_s, seed) + longest_s("render_s", scenario.render_s, seed)
    return load_s + 2 * longest_s("cache_rtt_s", scenario.cache_rtt_s, seed) + ROUNDING_S
