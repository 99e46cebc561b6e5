"""The world: scenarios, and what is drawn from them: arrivals, keys and latencies, or a recorded trace."""
