"""Truth without annotation: snapshots of the database, and what a read gives there without a cache."""
