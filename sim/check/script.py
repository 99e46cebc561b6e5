"""A script: requests at exact times, as a trace that a scenario replays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..world.scenario import Scenario

Step = tuple[float, str, str]  # (time_s, "read" or "write", key)
INSTANT: dict[str, Any] = {"cache_rtt_s": 0, "db_read_s": 0, "db_commit_s": 0}


def script(folder: Path, steps: Sequence[Step], **settings: Any) -> Scenario:
    """Return a scenario that replays *steps* exactly, all latencies zero unless *settings* say otherwise.

    The first step must be at 0. One time must have a fraction; otherwise requests are spread within their seconds.
    """
    if steps[0][0] != 0 or all(float(at_s).is_integer() for at_s, _, _ in steps):
        raise ValueError("a script starts at 0 and needs a stamp with a fraction")
    path = folder / "script.csv"
    path.write_text("time_s,op,key\n" + "".join(f"{at_s!r},{op},{key}\n" for at_s, op, key in steps))
    defaults: dict[str, Any] = {"duration_s": 1e6, "warmup_s": 0, "writes_per_s": 0, **INSTANT}
    return Scenario("script", trace=str(path), **{**defaults, **settings})
