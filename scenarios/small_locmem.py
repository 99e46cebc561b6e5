"""Django's silent limit: MAX_ENTRIES 300 with 2,000 keys. Meant for `--backend locmem`, one store a worker."""

from cachewise import Scenario

SCENARIO = Scenario(
    "small_locmem",
    why="2,000 keys in caches that hold 300 entries, Django's default, in each of 4 worker processes",
    keys=2000,
    read_popularity="zipf:0.9",
    reads_per_s=200,
    writes_per_s=2,
    max_entries=300,
    warmup_s=300,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
