"""Traces: recorded requests to replay, from the files that people have."""
