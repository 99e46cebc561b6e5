"""Peak memory: one long run in a process of its own, its frame of reads and its summary included."""

import resource
import subprocess
import sys

from bench.case import scenario_at

REQUESTS = 5_000_000
RATE_PER_S = 1_000.0


def peak_memory_bytes(requests: int = REQUESTS) -> int:
    """Return the peak resident memory of a fresh Python that runs *requests* requests.

    To be called before this process has grown: on Linux a child's peak starts at what its parent holds.
    """
    command = [sys.executable, "-m", "bench.memory", str(requests)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _run_and_measure(requests: int) -> int:
    from bench.rounds import answer_of, run_ours

    frame, summary = answer_of(run_ours(scenario_at(RATE_PER_S, requests)))
    if len(frame) != summary["reads"]:
        raise RuntimeError(f"{len(frame)} rows for {summary['reads']} reads")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(_run_and_measure(int(sys.argv[1])))
