"""The set-up of a project in this process: its settings with everything private, Django, the experiment's file."""

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ..application import App
from ..errors import UserError, file_name
from ..world.scenario import Scenario
from . import celery, databases, outside
from .caches import blank


@dataclass(frozen=True)
class Project:
    """A project that is set up: its experiment, and its original CACHES and DATABASES.

    `file` is the experiment's file; `folder` belongs to this process alone.
    """

    app: App
    scenario: Scenario
    file: Path
    folder: Path
    caches: Mapping[str, Any]
    databases: Mapping[str, Any]
    guard: outside.Guard


def load_settings(module: str, overrides: Mapping[str, Any]) -> Any:
    """Return the project's settings, with *overrides* in place; nothing else of the project is imported yet.

    Raises:
        UserError: if there is no such module.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    from django.conf import settings

    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UserError(
            f"App({module!r}): there is no module {error.name!r} beside the file, nor is it installed{_nearest(module)}"
        ) from None
    for name, value in overrides.items():
        _set(settings, loaded, name, value)
    return settings


def _nearest(module: str) -> str:
    """Return a hint with the settings module in this folder (that of ``manage.py``) whose name is nearest."""
    files = [*Path().glob("*settings*.py"), *Path().glob("*/settings.py"), *Path().glob("*/settings/*.py")]
    files += Path().glob("*/*/settings/*.py")
    names = [".".join(one.with_suffix("").parts) for one in sorted(files) if one.name != "__init__.py"]
    close = difflib.get_close_matches(module, names, n=1, cutoff=0.0)
    return f"; did you mean {close[0]!r}?" if close else "; the file belongs in the folder of manage.py"


def set_up(
    file: Path,
    text: bytes,
    folder: Path,
    *,
    module: str,
    overrides: Mapping[str, Any],
    places: Mapping[str, Mapping[str, Any]],
    family: str,
    guard: outside.Guard,
) -> Project:
    """Set the project up, with *places* for its databases, and import the experiment's *text*.

    Raises:
        UserError: for an experiment that cannot work; exceptions of the project's code pass through.
    """
    settings = load_settings(module, overrides)
    caches, rows = dict(settings.CACHES), dict(settings.DATABASES)
    loaded = sys.modules[module]
    private = {
        "DATABASES": databases.entries(rows, places, family),
        "DEBUG": False,
        "ALLOWED_HOSTS": ["*"],
        **outside.private_settings(settings, folder),
    }
    for name, value in private.items():
        _set(settings, loaded, name, value)
    import django
    from django.core.cache import caches as handler

    from .databases import sql_time

    for alias, cache in blank.before_the_run(caches).items():
        handler[alias] = cache
    celery.silence()
    django.setup()
    sql_time.install()
    experiment = _experiment(file, text)
    app, scenario = getattr(experiment, "APP", None), getattr(experiment, "SCENARIO", None)
    if not isinstance(app, App):
        raise UserError(f"{file_name(file)}: it must define APP = App(...)")
    if scenario is None:
        scenario = Scenario(file.stem)
    if not isinstance(scenario, Scenario):
        raise UserError(f"{file_name(file)}: SCENARIO must be a Scenario(...), not {type(scenario).__name__}")
    return Project(app, scenario, file, folder, caches, rows, guard)


def load_urls(project: Project, variant: str) -> None:
    """Load the URLconf, then run the code of *variant*, if it has any."""
    from django.urls import get_resolver

    with contextlib.suppress(AttributeError):  # a project without URLs
        _ = get_resolver().url_patterns
    for one in project.app.variants:
        if one.name == variant and one.code is not None:
            one.code()
    project.guard.set_up()


def _set(settings: Any, module: ModuleType, name: str, value: Any) -> None:
    """Set a setting for code that asks Django, and for code that imports the settings module."""
    setattr(settings, name, value)
    setattr(module, name, value)


def _experiment(file: Path, text: bytes) -> ModuleType:
    """Return the experiment's module, made from *text*, which is the same for all processes of a command."""
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    module.__spec__ = ModuleSpec(file.stem, None, origin=str(file))
    sys.modules.setdefault(file.stem, module)
    exec(compile(text, str(file), "exec"), module.__dict__)  # noqa: S102 - it is the user's own file
    return module
