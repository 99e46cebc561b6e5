"""The world: what a scenario can say, and what is drawn from it: arrivals, keys and latencies, or a recorded trace."""
