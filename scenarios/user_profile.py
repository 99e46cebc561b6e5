"""500 users' profiles, read on every page and edited now and then, mostly by the active ones."""

from cachewise import Scenario

SCENARIO = Scenario(
    "user_profile",
    why="profiles of 500 users: active users are read more and edit more, so writes follow the reads",
    keys=500,
    read_popularity="zipf:0.8",
    write_popularity="same",
    reads_per_s=100,
    writes_per_s=1,
    value_bytes=1024,
    warmup_s=300,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
