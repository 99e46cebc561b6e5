"""Finds the function of Django or of a client library that decides what a call does."""

from importlib import import_module
from typing import Any

# The functions that the database backend's calls share.
PARTS = {
    ("DatabaseCache", "get"): "get_many",
    ("DatabaseCache", "set"): "_base_set",
    ("DatabaseCache", "add"): "_base_set",
    ("DatabaseCache", "touch"): "_base_set",
    ("DatabaseCache", "delete"): "_base_delete_many",
    ("DatabaseCache", "delete_many"): "_base_delete_many",
    ("LocMemCache", "set"): "_set",
}


# Packages whose cache classes leave everything to their own client, timeouts too.
CLIENTS = ("django_redis", "django_valkey")
HANDING_ON = ("RedisCache", "DecoratedBackendCommands")  # the latter is django-valkey's


def decider(cache_class: type, call: str) -> str:
    """Return the name of the function that decides what *call* does: ``Class.function``."""
    owner = _owner(cache_class, call)
    if owner is None:
        return "nobody: it has none"
    if owner.__name__ in HANDING_ON:
        owner = _owner(_client(owner), call) or owner
    return f"{owner.__name__}.{PARTS.get((owner.__name__, call), call)}"


def timeout_decider(cache_class: type) -> str:
    """Return the name of the function that turns a timeout into an expiry."""
    setter = _owner(cache_class, "set")
    if setter is not None and _package(setter) in CLIENTS:  # they do not call get_backend_timeout
        return decider(cache_class, "set")
    owner = _owner(cache_class, "get_backend_timeout")
    if owner is None:
        return "code of its own"
    if cache_class.__name__ == "DatabaseCache":
        return f"{owner.__name__}.get_backend_timeout, then DatabaseCache._base_set"
    return f"{owner.__name__}.get_backend_timeout"


def _owner(cls: type, name: str) -> type | None:
    return next((one for one in cls.__mro__ if name in vars(one)), None)


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _client(owner: type) -> Any:
    if _package(owner) in CLIENTS:
        return import_module(f"{_package(owner)}.client").DefaultClient
    from django.core.cache.backends.redis import RedisCacheClient

    return RedisCacheClient
