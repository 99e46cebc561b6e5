"""The parts of a report that only a team's own project has: its functions, its cache call sites, its events."""
