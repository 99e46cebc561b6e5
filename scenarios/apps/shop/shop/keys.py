"""The keys that the shop caches by hand, and how a key is deleted."""

from django.core.cache import cache


def named(name):
    """Return the key under which *name* is cached."""
    return name


def forget(name):
    """Delete *name* from the cache, so that the next request loads it anew."""
    cache.delete(named(name))
