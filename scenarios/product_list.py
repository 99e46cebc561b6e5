"""S0: the product list of the Django tutorial. One key, read all the time, changed once a minute."""

from cachewise import Scenario

TIMEOUT = 120
SCENARIO = Scenario(
    "product_list",
    why="one cached query that a small shop reads 20 times a second and changes once a minute",
    keys=1,
    reads_per_s=20,
    writes_per_s=1 / 60,
    warmup_s=120,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
