"""Strategies of one's own, from files, modules and packages; and whose mistake an error is."""
