"""Reads a project's models, URL names and cache settings for a first experiment; it connects to nothing outside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..project import databases
from ..project.caches.stores import sessions_of_project
from ..project.files import is_of
from ..project.first import InPlace
from ..project.stage import load_settings
from .errand import Errand
from .set_up import project_of

SHOWN = ("BACKEND", "TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION")  # of CACHES; of OPTIONS only the names


@dataclass(frozen=True)
class Field:
    """A field of a model: `kind` is its class in Django, `needed` says that a new row must set it.

    `to` is the model that it refers to, `first` the first of its choices.
    """

    name: str
    kind: str
    needed: bool
    unique: bool = False
    most: int | None = None  # characters
    to: str = ""
    first: str | int | None = None


@dataclass(frozen=True)
class Model:
    """A model of the project's own: the module it is imported from, its name, its fields."""

    module: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Route:
    """A URL: its pattern, its name (with its namespaces), and its arguments, each with its converter."""

    pattern: str
    name: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sketch:
    """The material for a first experiment. It has no addresses and no passwords of CACHES and DATABASES."""

    models: tuple[Model, ...]
    routes: tuple[Route, ...]
    caches: Mapping[str, Mapping[str, Any]]
    family: str
    atomic_requests: bool
    middleware: tuple[str, ...]  # only caching middleware
    sessions: str
    session_cache: str = ""  # the alias of the cache that keeps sessions


def sketched(errand: Errand, here: InPlace) -> Sketch:
    """Set the project of *errand* up with private databases and caches, and return its sketch.

    Raises:
        UserError: if it cannot be set up. Exceptions of the project's code are passed on unchanged.
    """
    settings = load_settings(errand.settings, {})
    family = databases.family_of(settings.DATABASES, errand.family)
    nowhere = {alias: _nowhere(alias, family, errand.folder) for alias in settings.DATABASES}
    project = project_of(errand, nowhere, family, here.guard)
    folder = Path(errand.file).parent
    kept = sessions_of_project()
    return Sketch(
        models=tuple(_models(folder)),
        routes=tuple(_routes(folder)),
        caches={alias: _shown(entry) for alias, entry in project.caches.items()},
        family=family,
        atomic_requests=any(entry.get("ATOMIC_REQUESTS") for entry in project.databases.values()),
        middleware=tuple(one for one in settings.MIDDLEWARE if "cache" in one.lower()),
        sessions=settings.SESSION_ENGINE,
        session_cache=kept.alias if kept else "",
    )


def _nowhere(alias: str, family: str, folder: str) -> dict[str, Any]:
    """Return the place of an empty SQLite file, or of a PostgreSQL server that does not exist."""
    name = str(Path(folder) / f"{alias}.sqlite3") if family == "sqlite" else "nothing"
    return {"NAME": name, "USER": "nobody", "PASSWORD": "", "HOST": folder if family == "postgres" else "", "PORT": ""}


def _models(folder: Path) -> Iterator[Model]:
    """Yield the models of the apps in the project's folder."""
    from django.apps import apps

    for config in apps.get_app_configs():
        if is_of(folder, str(Path(config.path) / "models.py")):
            for one in config.get_models():
                yield Model(one.__module__, one.__name__, tuple(_field(field) for field in one._meta.concrete_fields))


def _field(field: Any) -> Field:
    generated = field.has_default() or field.null or getattr(field, "auto_now", False) or field.generated
    needed = not (generated or field.primary_key or getattr(field, "auto_now_add", False))
    choices = [value for value, _ in field.flatchoices]
    return Field(
        field.name,
        field.get_internal_type(),
        needed and not (field.blank and field.empty_strings_allowed),
        field.unique,
        field.max_length,
        field.related_model.__name__ if field.is_relation and field.related_model else "",
        choices[0] if choices and isinstance(choices[0], (str, int)) else None,
    )


def _routes(folder: Path) -> Iterator[Route]:
    """Yield the URLs that lead to views in the project's folder, in the order in which Django tries them."""
    from django.conf import settings
    from django.urls import get_resolver

    if getattr(settings, "ROOT_URLCONF", None):
        yield from _routes_of(get_resolver(), "", (), (), folder)


def _routes_of(
    resolver: Any, prefix: str, names: tuple[str, ...], arguments: tuple[tuple[str, str], ...], folder: Path
) -> Iterator[Route]:
    for one in resolver.url_patterns:
        route = f"{prefix}{one.pattern}"
        found = (*arguments, *_arguments(one.pattern))
        if hasattr(one, "url_patterns"):
            inner = (*names, one.namespace) if one.namespace else names
            yield from _routes_of(one, route, inner, found, folder)
        elif one.name and is_of(folder, _file_of(one.callback)):
            yield Route(route, ":".join((*names, one.name)), found)


def _arguments(pattern: Any) -> tuple[tuple[str, str], ...]:
    converters = getattr(pattern, "converters", {})
    if converters:
        return tuple((name, type(one).__name__.removesuffix("Converter").lower()) for name, one in converters.items())
    return tuple((name, "text") for name in getattr(getattr(pattern, "regex", None), "groupindex", ()))


def _file_of(view: Any) -> str:
    """Return the file of the module where a view is defined, through decorators and class-based views."""
    import inspect
    import sys

    inner = inspect.unwrap(getattr(view, "view_class", view))
    return str(getattr(sys.modules.get(getattr(inner, "__module__", "")), "__file__", "") or "")


def _shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: str(entry[name]) if name != "TIMEOUT" else entry[name] for name in SHOWN if name in entry}
    options = entry.get("OPTIONS") or {}
    return {**shown, **({"OPTIONS": sorted(map(str, options))} if options else {})}
