"""Which function of Django's, or of a client library's, decides what a call does."""

from importlib import import_module
from typing import Any

# What the database backend's calls have in common.
PARTS = {
    ("DatabaseCache", "get"): "get_many",
    ("DatabaseCache", "set"): "_base_set",
    ("DatabaseCache", "add"): "_base_set",
    ("DatabaseCache", "touch"): "_base_set",
    ("DatabaseCache", "delete"): "_base_delete_many",
    ("DatabaseCache", "delete_many"): "_base_delete_many",
    ("LocMemCache", "set"): "_set",
}


def decider(cache_class: type, call: str) -> str:
    """Return the name of the function that decides what *call* does: ``Class.function``."""
    owner = _owner(cache_class, call)
    if owner.__name__ == "RedisCache":  # Django's and django-redis' hand on to a client of their own
        client = _client(owner)
        return f"{_owner(client, call).__name__}.{call}"
    return f"{owner.__name__}.{PARTS.get((owner.__name__, call), call)}"


def timeout_decider(cache_class: type) -> str:
    """Return the name of the function that makes an expiry out of a timeout."""
    owner = _owner(cache_class, "get_backend_timeout")
    if cache_class.__module__.startswith("django_redis"):  # it does not ask it
        return f"{_client(cache_class).__name__}.set"
    if cache_class.__name__ == "DatabaseCache":
        return f"{owner.__name__}.get_backend_timeout, then DatabaseCache._base_set"
    return f"{owner.__name__}.get_backend_timeout"


def _owner(cache_class: type, name: str) -> type:
    return next(cls for cls in cache_class.__mro__ if name in vars(cls))


def _client(cache_class: type) -> Any:
    if cache_class.__module__.startswith("django_redis"):
        return import_module("django_redis.client").DefaultClient
    from django.core.cache.backends.redis import RedisCacheClient

    return RedisCacheClient
