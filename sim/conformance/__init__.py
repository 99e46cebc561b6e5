"""Conformance: what each backend's calls really do, found by making them on the virtual time of a run."""
