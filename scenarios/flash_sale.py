"""A flash sale: two minutes in, traffic jumps to 20 times the usual and calms down over the next minutes."""

from cachewise import Scenario

SCENARIO = Scenario(
    "flash_sale",
    why="a sale opens: reads and stock changes jump to 20 times the usual rate and fall back within minutes",
    keys=300,
    read_popularity="hotspot:0.05:0.8",
    write_popularity="same",
    reads_per_s=50,
    writes_per_s=1,
    arrivals="flash:20:120:60",
    transaction_tail_s="exponential:0.02",
    warmup_s=300,
    workers=4,
    threads=8,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
