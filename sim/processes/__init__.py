"""Processes and signals: Ctrl-C leaves nothing half-done, and no process outlives the one that started it."""
