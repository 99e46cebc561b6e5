"""Entries of Django's CACHES: found in a TOML file or a settings module, and checked key by key."""

import math
import tomllib
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from ..daemons.programs import Library
from ..errors import ForbiddenError, UserError, file_name, one_line, unknown
from ..modules import find_modules_here
from .database import set_django_up
from .trial import only_ours

SETTINGS = "settings:"  # first part of the name of a backend from a settings module
_VERBS = ("get", "set", "add", "delete", "clear")  # in every cache class, with any base class


def is_own(name: str) -> bool:
    """Return whether *name* is the place of a CACHES entry: ``FILE.toml`` or ``settings:MODULE[:ALIAS]``."""
    return name.endswith(".toml") or name.startswith(SETTINGS)


def default_timeout(name: str) -> dict[str, Any]:
    """Return ``{"timeout": seconds or None}`` if the entry at *name* has a TIMEOUT, otherwise ``{}``."""
    entry = entry_at(name) if is_own(name) else {}
    return {"timeout": entry["TIMEOUT"]} if "TIMEOUT" in entry else {}


def entry_at(name: str) -> dict[str, Any]:
    """Return the CACHES entry at *name*; a TIMEOUT in it is a number or None.

    Raises:
        UserError: if there is none, or it has a value that Django does not accept.
    """
    found = _of_settings(name.removeprefix(SETTINGS)) if name.startswith(SETTINGS) else _of_file(Path(name))
    if not isinstance(found, Mapping) or not isinstance(found.get("BACKEND"), str):
        table = _table_with_a_backend(found)
        hint = f"; write it at the top of the file, not in the table [{one_line(table)}]" if table else ""
        raise UserError(
            f"{file_name(name)}: it must have a BACKEND, the path of a cache class, as an entry of CACHES does{hint}"
        )
    entry = dict(found)
    for key, value in entry.items():
        if key not in _KEYS:
            raise UserError(f"{file_name(name)}: {unknown('key', str(key), _KEYS)}")
        fits, what = _KEYS[key]
        if not fits(value):
            what += _about_none(name, value) if key == "TIMEOUT" else ""
            raise UserError(f"{file_name(name)}: {key} = {one_line(repr(value), 40)}: it must be {what}")
    if entry.get("TIMEOUT") is not None:
        entry["TIMEOUT"] = int(entry["TIMEOUT"])  # as Django does, also with 2.9 and "2"
    path = entry.get("KEY_FUNCTION")
    if isinstance(path, str) and not callable(_imported(name, "KEY_FUNCTION", path, import_string)):
        raise UserError(f"{file_name(name)}: KEY_FUNCTION {one_line(path)!r} is no function")
    return entry


def _table_with_a_backend(found: Any, path: str = "") -> str:
    """Return the path of a table within *found* that looks like an entry of CACHES, or ""."""
    for key, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Mapping):
            inner = f"{path}.{key}".strip(".")
            deeper = inner if "BACKEND" in value else _table_with_a_backend(value, inner)
            if deeper:
                return deeper
    return ""


def _about_none(name: str, value: Any) -> str:
    """Return a hint if *value* seems to mean "no TIMEOUT": TOML has no None, and a text is no timeout."""
    if not name.startswith(SETTINGS):
        return " (for which TOML has no word: use --settings, or --timeout none)"
    return " without quotes" if isinstance(value, str) and value.lower() in ("none", "null") else ""


def class_of(name: str, path: str, *, guarded: bool = True) -> type[BaseCache]:
    """Return the cache class at *path*, the BACKEND of the entry at *name*.

    If *guarded*, its module must not connect to a server while it is imported.

    Raises:
        UserError: if it cannot be imported, or is not a cache class.
    """
    if path.startswith("django_"):
        set_django_up(name)  # such packages need settings when they are imported
    found: Any = _imported(name, "BACKEND", path, _by_path, guarded=guarded)
    lacks = [verb for verb in _VERBS if not callable(getattr(found, verb, None))]
    if isinstance(found, type) and not lacks:
        return found
    why = f"it has no {lacks[0]}()" if isinstance(found, type) else f"it is a {type(found).__name__}"
    raise UserError(
        f"{file_name(name)}: BACKEND {one_line(path)!r} is no cache class ({why}); "
        "Django's are named like 'django.core.cache.backends.redis.RedisCache'"
    )


def _by_path(path: str) -> Any:
    module_name, dot, class_name = path.rpartition(".")
    if not dot:
        raise ValueError("write the module before it, with a dot between")
    module = import_module(module_name)
    if not hasattr(module, class_name):
        raise AttributeError(str(unknown("class", class_name, [one for one in vars(module) if one[:1].isupper()])))
    return getattr(module, class_name)


def _imported(name: str, key: str, path: str, load: Callable[[str], Any], *, guarded: bool = True) -> Any:
    find_modules_here()
    try:
        with only_ours(name, lambda _socket: False) if guarded else nullcontext():  # a module may connect at import
            return load(path)
    except ForbiddenError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{file_name(name)}: {key} {one_line(path)!r}: {_told(error)}") from error
    except (Exception, SystemExit) as error:  # a user's module can raise anything
        told = f"{type(error).__name__}: {_told(error)}"
        raise UserError(f"{file_name(name)}: {key} {one_line(path)!r}: {told}") from error


def _told(error: BaseException) -> str:
    """Return the message of *error*, and how to install a missing package of caches."""
    wanted = str(error.name).partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    missing = wanted in _PACKAGES and Library(wanted, wanted).find() is None
    return one_line(error, 120) + (f"; python -m pip install {wanted.replace('_', '-')}" if missing else "")


_PACKAGES = ("django_redis", "django_valkey", "diskcache", "redis", "valkey")  # in pip's names, - stands for _


def _of_file(path: Path) -> Any:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file_name(path)}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise UserError(f"{file_name(path)}: not valid TOML: {one_line(error, 120)}") from error


def _of_settings(target: str) -> Any:
    """Return the entry of ``MODULE[:ALIAS]``; the module is imported, Django is not set up with it."""
    module_name, colon, alias = target.partition(":")
    where = f"settings {one_line(module_name)!r}"
    if not module_name or (colon and not alias):
        raise UserError(
            f"--settings {one_line(target)!r}: write MODULE or MODULE:ALIAS, such as shop.settings:sessions"
        )
    find_modules_here()
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's settings can raise anything
        absent = isinstance(error, ModuleNotFoundError) and module_name.startswith(str(error.name))
        hint = "; run this in the folder of the project's manage.py" if absent else ""
        raise UserError(f"{where}: {type(error).__name__}: {one_line(error, 120)}{hint}") from error
    caches = getattr(module, "CACHES", None)
    if not isinstance(caches, Mapping):
        raise UserError(f"{where} have no CACHES")
    if (alias or "default") not in caches:
        raise unknown(f"cache in {where}:", alias or "default", map(str, caches))
    return caches[alias or "default"]


def _are_seconds(value: Any) -> bool:
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value) >= 0
        return False
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (number and math.isfinite(value) and value >= 0)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# The keys of an entry: a check of the value, and what it must be.
_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "BACKEND": (lambda value: isinstance(value, str), "the path of a cache class"),
    "LOCATION": (lambda _value: True, "anything: it is not used"),
    "TIMEOUT": (_are_seconds, "seconds, 0 or more, or None"),
    "KEY_PREFIX": (lambda value: isinstance(value, str), "text"),
    "VERSION": (_is_whole, "a whole number"),
    "OPTIONS": (lambda value: value is None or isinstance(value, Mapping), "a table of options"),
    "KEY_FUNCTION": (
        lambda value: value is None or isinstance(value, str) or callable(value),
        "a function or its path",
    ),
}
