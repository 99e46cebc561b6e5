"""Peak memory of one long run in a process of its own, with its summary and, if reads are kept, their frame."""

import resource
import subprocess
import sys

from bench.case import WRITE_RATIO, scenario_at
from cachewise.sim.verdict.records import MOST_KEPT_READS

REQUESTS = 5_000_000
RATE_PER_S = 1_000.0


def peak_memory_bytes(requests: int = REQUESTS) -> int:
    """Return the peak resident memory of a fresh Python that runs *requests* requests.

    Call this before this process has grown: on Linux, a child's peak starts at the memory of its parent.
    """
    command = [sys.executable, "-m", "bench.memory", str(requests)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _run_and_measure(requests: int, write_ratio: float) -> int:
    from bench.rounds import run_ours

    result = run_ours(scenario_at(RATE_PER_S, requests, write_ratio))
    reads = result.summary["reads"]
    if reads <= MOST_KEPT_READS and len(result.reads) != reads:
        raise RuntimeError(f"{len(result.reads)} rows for {reads} reads")
    print(f"{result.wall_s:.1f} s", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(_run_and_measure(int(sys.argv[1]), float(sys.argv[2]) if sys.argv[2:] else WRITE_RATIO))
