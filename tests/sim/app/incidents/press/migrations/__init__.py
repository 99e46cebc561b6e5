"""The tables of the newspaper."""
