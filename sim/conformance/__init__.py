"""Conformance: makes every cache call on each backend in virtual time, and finds out what it really does."""
