"""Culls: a sentence on live entries that a cache has removed because it was too small."""

from math import isnan

from ..sim.backends import backend_named
from ..sim.backends.entries import is_own
from .frames import Case
from .ranking import contenders

IN_EACH = " in each worker's store"


def culled(case: Case) -> list[str]:
    """Return the sentence on live entries that were removed because of MAX_ENTRIES, if there were any."""
    if case.of_project:  # its caches have limits of their own, and removed entries are not counted
        return []
    lost = {label: sum(case.values(label, "entries_culled").values()) for label in contenders(case)}
    lost = {label: entries for label, entries in lost.items() if entries}
    if not lost:
        return []
    worst = max(lost, key=lambda label: lost[label])
    seen = f"{'at most ' * (len(lost) > 1)}{lost[worst]:,.0f}, with `{worst}`, which loaded {_loads(case, worst)}"
    if any(map(isnan, lost.values())):
        seen = "nobody could count them"
    told = f"On `{case.backend}`, the cache was full: entries that had not expired were thrown out ({seen})"
    return [f"{told}. {_limit(case)}."]


def _loads(case: Case, label: str) -> str:
    return f"{case.total(label, 'db_reads'):,} rows"


def _limit(case: Case) -> str:
    if is_own(case.backend):
        return "MAX_ENTRIES in its OPTIONS sets how many it keeps"
    backend = backend_named(case.backend)
    limit = f"{backend.limit(case.scenario.max_entries):,}{'' if backend.one_store else IN_EACH}"
    whose = f"Django keeps {limit} unless MAX_ENTRIES in OPTIONS says otherwise"
    if case.scenario.max_entries != "auto":
        whose = f"The limit was {limit}"
    return f"{whose}: `--set max_entries=N` sets another limit, `--set max_entries=none` no limit"
