"""Reports on a sweep: curves, maps, and an answer in words: limits that are met, and crossovers."""
