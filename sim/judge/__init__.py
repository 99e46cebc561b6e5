"""Finds the truth about a project's reads: the result that each would give without a cache, on database snapshots."""
