"""What is particular to a team's own project in a report: its functions, its cache call sites, its events."""
