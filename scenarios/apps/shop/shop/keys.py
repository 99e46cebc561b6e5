"""The keys of what the shop caches by hand, and how a key is forgotten."""

from django.core.cache import cache


def named(name):
    """Return the key under which *name* is cached."""
    return name


def forget(name):
    """Let *name* be loaded anew by whoever asks next."""
    cache.delete(named(name))
