"""S1: a read-mostly catalogue. Source: the mix of Twitter's cluster 6 (get .98, set .02), OSDI 2020."""

from cachewise import Scenario

SCENARIO = Scenario(
    "catalogue",
    why="a large read-mostly catalogue: 10,000 keys, 2% writes, a few keys read far more than the rest",
    keys=10_000,
    read_popularity="zipf:1.1",
    reads_per_s=500,
    writes_per_s=10,
    warmup_s=300,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
