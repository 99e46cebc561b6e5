"""The verdict: what happened in a run, every read judged against the commits, and the figures that come of it."""
