"""The inside of a process that runs a team's project: time, threads, databases, caches and requests, all private."""
