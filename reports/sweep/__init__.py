"""Reports on a sweep: curves, maps, the limits that are met and the crossovers, in words."""
