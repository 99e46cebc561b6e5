"""Processes and signals: nothing is cut in two by Ctrl-C, and no process outlives the one that started it."""
