"""Inside a process of a team's own project: its time, threads, databases, caches, requests; nothing leads outside."""
