"""The case that is measured: read-mostly traffic on one LocMem store, the same number of requests at every rate."""

from cachewise import Scenario
from cachewise.strategies import DeleteOnWrite

RATES_PER_S = (10.0, 100.0, 1_000.0, 10_000.0)
WRITE_RATIO = 0.01
BACKEND = "shared"
SEED = 1
STRATEGY = DeleteOnWrite(timeout=300)


def scenario_at(rate_per_s: float, requests: int, write_ratio: float = WRITE_RATIO) -> Scenario:
    """Return the scenario of about *requests* requests at *rate_per_s* virtual requests a second; all are recorded."""
    return Scenario(
        f"{rate_per_s:g} requests a second",
        why=f"speed: {write_ratio:.0%} writes on 1,000 keys, everything recorded",
        keys=1000,
        read_popularity="zipf:1.0",
        reads_per_s=rate_per_s * (1 - write_ratio),
        writes_per_s=rate_per_s * write_ratio,
        duration_s=requests / rate_per_s,
        warmup_s=0,
    )
