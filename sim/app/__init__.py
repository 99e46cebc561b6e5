"""A team's own project, seen from outside: the errands of its processes, the scout, the runs and their outcomes."""
