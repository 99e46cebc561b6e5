"""A small shop, cached as Django's documentation and tutorials show it."""
