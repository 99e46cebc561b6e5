"""S7: one hot key whose load takes 400 ms: when it expires, every reader loads it (a stampede)."""

from cachewise import Scenario

TIMEOUT = 60
SCENARIO = Scenario(
    "hot_key",
    why="one key read 500 times a second whose load takes 400 ms: each expiry sends a stampede to the database",
    keys=1,
    reads_per_s=500,
    writes_per_s=1 / 60,
    db_read_s=0.4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
