"""The attacks: small scenarios that try to break a promise about outdated reads."""

from dataclasses import replace
from typing import Any, NamedTuple

from ..backends import backend_named
from ..world.scenario import Scenario

SEEDS = (1, 2, 3)


class Attack(NamedTuple):
    """What is tried, and the scenario for it."""

    name: str
    scenario: Scenario


def attacks(timeout_s: float, backend: str) -> list[Attack]:
    """Return the attacks on a strategy with this timeout; all their times are proportional to it."""
    unit_s = timeout_s / 2

    def spread(low: float, high: float) -> str:
        return f"uniform:{low * unit_s:g}:{high * unit_s:g}"

    calm = Scenario(
        "attack",
        keys=5,
        read_popularity="uniform",
        write_popularity="uniform",
        reads_per_s=30 / unit_s,
        writes_per_s=2 / unit_s,
        duration_s=20 * unit_s,
        warmup_s=0,
        cache_rtt_s=spread(0, 0.002),
        db_read_s=spread(0, 0.02),
        db_commit_s=spread(0, 0.02),
    )
    found: dict[str, dict[str, Any]] = {
        "slow readers": {"keys": 12, "db_read_s": spread(0, 1), "render_s": spread(0, 0.3)},
        "long transactions": {"transaction_tail_s": spread(0, 0.6), "db_commit_s": spread(0, 0.1)},
        "many writers": {
            "keys": 1,
            "writes_per_s": 8 / unit_s,
            "transaction_tail_s": spread(0, 0.05),
            "cache_rtt_s": spread(0, 0.1),
        },
        "a slow cache": {"keys": 3, "cache_rtt_s": spread(0, 0.4)},
        "slow loads of one row": {
            "keys": 1,
            "reads_per_s": 60 / unit_s,
            "writes_per_s": 0.5 / unit_s,
            "db_read_s": spread(0.1, 0.5),
        },
        "rollbacks": {"rollback_ratio": 0.4, "transaction_tail_s": spread(0, 0.3)},
        "several workers": {"workers": 3, "threads": 2, "db_connections": 3, "transaction_tail_s": spread(0, 0.1)},
    }
    if backend_named(backend).has_limits:
        found["a full cache"] = {"keys": 9, "max_entries": 4, "db_read_s": spread(0, 0.3)}
    return [Attack(name, replace(calm, name=name, **changed)) for name, changed in found.items()]
