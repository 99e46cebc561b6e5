"""The verdict: the records of a run, every read judged against the commits, and the resulting figures."""
