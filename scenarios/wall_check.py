"""Does the simulation predict a real run? Made for `cachewise verify`, which runs it on real servers.

The timeout is short, so that entries expire many times within half a minute. The load is far below what two cores can
do, so that the strategies are measured and not the machine. Transactions stay open long enough, and loads take long
enough, for both races (a delete before the commit, a set after the delete) to happen now and then.
"""

from cachewise import Scenario

TIMEOUT = 3

SCENARIO = Scenario(
    "wall_check",
    why="short timeouts, open transactions and a small load, so that half a minute on real servers shows the races",
    keys=60,
    read_popularity="zipf:0.8",
    write_popularity="same",
    reads_per_s=150,
    writes_per_s=10,
    db_read_s="uniform:0.01:0.03",
    db_commit_s="uniform:0.0005:0.0015",
    transaction_tail_s="uniform:0.02:0.06",
    cache_rtt_s=0.0005,
    warmup_s=6,
    duration_s=18,
    workers=2,
    threads=8,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
