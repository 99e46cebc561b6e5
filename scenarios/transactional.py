"""S2: writes inside long transactions, as under ATOMIC_REQUESTS: 50 ms on average from the save to the commit."""

from cachewise import Scenario

SCENARIO = Scenario(
    "transactional",
    why="busy keys written inside transactions that stay open for 50 ms after the save, as under ATOMIC_REQUESTS",
    keys=200,
    read_popularity="zipf:0.8",
    reads_per_s=800,
    writes_per_s=40,
    transaction_tail_s="exponential:0.05",
    warmup_s=300,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
