"""Alarms: signs that a scenario does not test what its reader believes it tests."""

from collections.abc import Callable

from reports.frames import Case, name_of
from reports.ranking import contenders
from reports.words import listed, plural
from sim.metrics import duration

FEW_WRITES = 30


def alarms(case: Case) -> list[str]:
    """Return one sentence for each thing about *case* that looks wrong."""
    return [text for check in (_traffic, _hit_ratios, _timeouts, _never_outdated, _one_seed) for text in check(case)]


def _traffic(case: Case) -> list[str]:
    label = next(iter(case.by_strategy))
    reads, writes = case.total(label, "reads"), case.total(label, "writes")
    found = ["No reads were measured: check the scenario."] if not reads else []
    if not writes:
        return [*found, "No writes were measured, so nothing could become outdated: check the scenario."]
    if writes < FEW_WRITES:
        seen = f"What is outdated rests on only {plural(writes, 'write')} in {plural(len(case.seeds), 'run')}"
        return [*found, f"{seen}: measure longer or use more seeds before trusting small differences."]
    return found


def _hit_ratios(case: Case) -> list[str]:
    never = _those(case, lambda label: _all(case, label, 0.0))
    always = _those(case, lambda label: _all(case, label, 1.0))
    found = []
    if never and case.backend == "dummy":
        found.append("`dummy` keeps nothing, so no strategy ever hits.")
    elif never:
        found.append(f"{listed(never)} never hit: check the scenario.")
    if always:
        found.append(
            f"{listed(always)} never missed after the warm-up: check that the run is long enough to see entries expire."
        )
    return found


def _all(case: Case, label: str, ratio: float) -> bool:
    return all(value == ratio for value in case.values(label, "hit_ratio").values())


def _timeouts(case: Case) -> list[str]:
    measured_s = case.outcomes[0].measured_s

    def outlives(label: str) -> bool:
        timeout = getattr(case.by_strategy[label][0].run.strategy, "timeout", None)
        return isinstance(timeout, (int, float)) and timeout > measured_s

    longer = _those(case, outlives)
    if not longer:
        return []
    who = "every timeout" if len(longer) > 3 else f"the timeout of {listed(longer)}"
    return [f"The measured time ({duration(measured_s)}) is shorter than {who}: little or nothing expired meanwhile."]


def _never_outdated(case: Case) -> list[str]:
    def suspicious(label: str) -> bool:
        hits, writes = case.total(label, "hits"), case.total(label, "writes")
        return (
            name_of(label) == "ttl-only"
            and hits > 0
            and writes > 0
            and not any(case.values(label, "stale_ratio").values())
        )

    return [
        f"{label} shows no outdated read although rows were written: check the scenario."
        for label in _those(case, suspicious)
    ]


def _one_seed(case: Case) -> list[str]:
    return ["One seed gives no interval: differences may be chance. Use several seeds."] if len(case.seeds) == 1 else []


def _those(case: Case, holds: Callable[[str], bool]) -> list[str]:
    return [label for label in contenders(case) if holds(label)]
