"""Alarms: signs that a scenario does not test what its reader believes it tests."""

from collections.abc import Callable

from ..sim.backends import backend_named
from ..sim.verdict.metrics import duration
from ..sim.world.latency import mean_latency_s
from ..sim.world.scenario import LATENCIES
from .formatting import listed, plural
from .frames import Case, name_of
from .ranking import contenders, interval

FEW_WRITES = 30
FEW_SEEDS = 5
# Under overload, response times are a share of the run's length; on a slow but idle site, they are a few latencies.
OVERLOAD_SHARE, OVERLOAD_TIMES = 0.01, 30


def alarms(case: Case) -> list[str]:
    """Return one sentence for each thing about *case* that looks wrong."""
    checks = (_no_reads, too_few_writes, _hit_ratios, _timeouts, _warm_up, _overload, _never_outdated, too_few_seeds)
    return [text for check in checks for text in check(case)]


def _no_reads(case: Case) -> list[str]:
    reads = case.total(next(iter(case.by_strategy)), "reads")
    return [] if reads else ["No reads were measured: check the scenario."]


def too_few_writes(case: Case) -> list[str]:
    """Return a sentence where too few writes were measured to choose by."""
    writes = case.writes(next(iter(case.by_strategy)))
    if not writes:
        earlier = any(any(case.values(one, "wrong_ratio").values()) for one in case.by_strategy)
        why = "outdated reads come from writes of the warm-up" if earlier else "nothing could become outdated"
        return [f"No writes were measured: {why}. Check the scenario."]
    if writes < FEW_WRITES:
        seen = f"Only {plural(writes, 'write')} in {plural(len(case.seeds), 'run')} could make reads {case.fault}"
        return [f"{seen}. Measure longer or use more seeds before you trust small differences."]
    return []


def _hit_ratios(case: Case) -> list[str]:
    never = _those(case, lambda label: _all(case, label, 0.0))
    always = _those(case, lambda label: _all(case, label, 1.0))
    found = []
    if never and case.backend == "dummy":
        found.append(f"`dummy` keeps nothing, so no {case.kind.one} ever hits.")
    elif never:
        found.append(f"{listed(never)} never hit: check the scenario.")
    if always:
        found.append(
            f"{listed(always)} never missed after the warm-up. Check that the run is long enough for entries to expire."
        )
    return found


def _all(case: Case, label: str, ratio: float) -> bool:
    return all(value == ratio for value in case.values(label, "hit_ratio").values())


def _timeouts(case: Case) -> list[str]:
    measured_s = case.outcomes[0].measured_s
    longer = _those(case, lambda label: _timeout_s(case, label) > measured_s)
    if not longer:
        return []
    able = _those(case, lambda label: _timeout_s(case, label) > 0)
    who = f"the timeout of {listed(longer)}"
    if len(longer) > 3:
        who = "every timeout" if longer == able else f"{len(longer)} of {len(able)} timeouts"
    return [f"The measured time ({duration(measured_s)}) is shorter than {who}, so little or nothing expired in it."]


def _timeout_s(case: Case, label: str) -> float:
    """Return the timeout of the strategy, or 0 if nothing expires."""
    timeout = getattr(case.by_strategy[label][0].run.strategy, "timeout", None)
    return timeout if isinstance(timeout, (int, float)) else 0


def _warm_up(case: Case) -> list[str]:
    warmup_s = case.scenario.warmup_s
    longest_s = max((_timeout_s(case, label) for label in contenders(case)), default=0)
    if longest_s <= warmup_s:
        return []
    shorter = f"The warm-up ({duration(warmup_s)}) is shorter than the longest timeout ({duration(longest_s)})"
    mend = "" if case.scenario.trace else f" Set warmup_s to {longest_s:g} or more."
    return [f"{shorter}, so entries of the start still expire at about the same time.{mend}"]


def _overload(case: Case) -> list[str]:
    latencies = {name: getattr(case.scenario, name) for name in LATENCIES}
    if case.knows_backend:
        latencies["cache_rtt_s"] = backend_named(case.backend).rtt_s(case.scenario.cache_rtt_s)
    elif latencies["cache_rtt_s"] == "auto":
        del latencies["cache_rtt_s"]  # small beside the database's
    idle_s = sum(mean_latency_s(name, spec) for name, spec in latencies.items())
    most_s = max(OVERLOAD_SHARE * case.outcomes[0].measured_s, OVERLOAD_TIMES * idle_s)
    slow = [label for label in case.by_strategy if interval(case, label, "response_p99_s").mean > most_s]
    if not slow:
        return []
    worst_s = max(interval(case, label, "response_p99_s").mean for label in slow)
    reach = f"With {listed(slow)}, response times reach {duration(worst_s)} (99th percentile)"
    return [f"{reach}. Requests seem to come faster than they are served; then figures depend on how long a run is."]


def _never_outdated(case: Case) -> list[str]:
    def suspicious(label: str) -> bool:
        hits, writes = case.total(label, "hits"), case.total(label, "writes")
        return (
            not case.of_project
            and name_of(label) == "ttl-only"
            and hits > 0
            and writes > 0
            and not any(case.values(label, "stale_ratio").values())
        )

    return [
        f"{label} shows no outdated read although rows were written: check the scenario."
        for label in _those(case, suspicious)
    ]


def too_few_seeds(case: Case) -> list[str]:
    """Return a sentence where there are too few seeds for intervals that one can trust."""
    seeds = len(case.seeds)
    if seeds == 1:
        return [f"One seed gives no interval, so differences may be chance. Use `--seeds {FEW_SEEDS}`."]
    few = f"With {seeds} seeds, 95% intervals can miss the truth more often than they say. Use `--seeds {FEW_SEEDS}`."
    return [few] if seeds < FEW_SEEDS else []


def _those(case: Case, holds: Callable[[str], bool]) -> list[str]:
    return [label for label in contenders(case) if holds(label)]
