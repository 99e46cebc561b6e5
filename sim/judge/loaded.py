"""Code that a child had to load: the judge loads it, too, so that the next child has it.

This is only for installed modules and templates, which are the same on every state. The project's own modules may keep
rows in memory, so each child loads them anew.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from django.db import connections
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.loaders.cached import Loader

INSTALLED = ("site-packages", "dist-packages")


class Loaded(NamedTuple):
    """Names of modules, and (engine, name) of templates."""

    modules: list[str]
    templates: list[tuple[str, str]]


class Loading:
    """Watches which modules and templates this process loads.

    It looks only at new ones: a look at the others would copy memory that this process shares with the judge.
    """

    def __init__(self) -> None:
        self._modules = len(sys.modules)
        self._templates = len(list(_templates()))

    def new(self) -> Loaded:
        """Return what has been loaded since the last call."""
        modules = list(islice(reversed(sys.modules), max(0, len(sys.modules) - self._modules)))
        templates = list(_templates())
        found = Loaded([name for name in modules if _is_installed(name)], templates[self._templates :])
        self._modules, self._templates = len(sys.modules), len(templates)
        return found


def load(loaded: Loaded) -> None:
    """Load the same here, as far as possible without the database."""
    if not any(loaded):
        return
    for alias in connections:
        connections[alias].connect = _refuse  # type: ignore[method-assign]
    for name in reversed(loaded.modules):
        with suppress(Exception):
            importlib.import_module(name)
    for using, name in loaded.templates:
        with suppress(Exception):
            engines[using].get_template(name)


def _refuse() -> None:
    raise RuntimeError("the judge itself has no connection to the databases' present state")


def _is_installed(name: str) -> bool:
    file = str(getattr(sys.modules.get(name), "__file__", ""))
    return name.partition(".")[0] in sys.stdlib_module_names or any(part in file for part in INSTALLED)


def _templates() -> Iterator[tuple[str, str]]:
    """Yield the templates that Django has read and keeps."""
    with suppress(Exception):  # if a project's template engines cannot be made, it needs none
        for backend in engines.all():
            if isinstance(backend, DjangoTemplates):
                for loader in backend.engine.template_loaders:
                    kept = loader.get_template_cache.values() if isinstance(loader, Loader) else ()
                    yield from ((backend.name, one.name) for one in kept if isinstance(getattr(one, "name", None), str))
