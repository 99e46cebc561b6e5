"""The scout: a process that sets a project up, fills private databases, and describes the experiment's file."""

import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..application import AS_IT_IS, NO_CACHE, App, Variant
from ..errors import UserError, one_line
from ..project import databases
from ..project.caches.kinds import keeps_nothing
from ..project.caches.stores import sessions_of
from ..project.first import InPlace
from ..project.stage import load_settings, load_urls
from ..world.scenario import Scenario
from .description import Contender, Description, Function, NeedsPostgres, SessionCache
from .errand import Errand
from .filling import fill
from .set_up import project_of
from .show import row_of, show
from .traffic import Audience, audience_of
from .users import Users


def scouted(errand: Errand, here: InPlace) -> Description | NeedsPostgres:
    """Set the project of *errand* up, fill its databases, and return a description of its experiment.

    Raises:
        UserError: if the project cannot be run. Exceptions of its code are passed on unchanged.
    """
    settings = load_settings(errand.settings, {})
    family = databases.family_of(settings.DATABASES, errand.family)
    postgres = errand.further.get("postgres")
    if family == "postgres" and postgres is None:
        return NeedsPostgres()
    original = _Settings(**{name: getattr(settings, name) for name in dir(settings) if name.isupper()})
    places = databases.create(family, settings.DATABASES, Path(errand.folder), postgres)
    project = project_of(errand, places, family, here.guard)
    contenders = tuple(_contenders(project.app, original))
    kept = fill(errand, project, places, family)
    filled = databases.copy(places, "filled", Path(errand.further["rows"]))  # before anybody logs in
    load_urls(project, AS_IT_IS)
    users = Users()
    audience = audience_of(project.app, users.find)
    trial = show(project, family, here.clock, audience, users)
    notes = [*_notes(project.app, contenders), *databases.left_out(project.databases), *trial.notes]
    return Description(
        scenario=_plain(project.scenario),
        functions=tuple(_functions(project.app, audience)),
        variants=contenders,
        caches={alias: str(entry.get("BACKEND", "")) for alias, entry in project.caches.items()},
        family=family,
        places=filled,
        kept=kept,
        shown=tuple(row_of(*one) for one in trial.facts),
        refusals=tuple(trial.refusals),
        notes=tuple(notes),
    )


class _Settings(SimpleNamespace):
    """The project's own settings, for the variants' functions."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the settings have no {name}")


def _functions(app: App, audience: Audience) -> Iterator[Function]:
    """Yield the functions of the experiment by kind, within a kind in the order of the file."""
    for kind, several in (("read", app.reads), ("write", app.writes), ("journey", app.journeys)):
        for one in several:
            arguments, users = audience.args.get(one.name), audience.users.get(one.name)
            yield Function(
                kind,  # type: ignore[arg-type]  # one of the three
                one.name,
                one.per_s,
                arguments=None if arguments is None else len(arguments),
                users=None if users is None else len(users),
            )
    for event in app.events:
        yield Function("at", event.name, at_s=event.at_s)


def _contenders(app: App, settings: Any) -> Iterator[Contender]:
    yield Contender(AS_IT_IS, sessions=_session_cache(settings, {}))
    for one in (one for one in app.variants if not one.missing):
        overrides = _overrides(one, settings)
        sessions = _session_cache(settings, pickle.loads(overrides) if overrides else {})
        yield Contender(one.name, one.changes, overrides, sessions)
    yield Contender(NO_CACHE, sessions=_session_cache(settings, {}))


def _session_cache(settings: Any, changed: Mapping[str, Any]) -> SessionCache | None:
    """Return the cache if sessions are kept in a cache alone, else None; *changed* are the settings of a variant.

    If these settings are wrong, it is None, too.
    """

    def setting(name: str) -> Any:
        return changed.get(name, getattr(settings, name))

    engine, alias, entries = setting("SESSION_ENGINE"), setting("SESSION_CACHE_ALIAS"), setting("CACHES")
    with suppress(Exception):  # its run reports the error
        found = sessions_of(engine, alias)
        if found is not None and found.here_alone:
            return SessionCache(engine, alias, not keeps_nothing(alias, entries[alias]))
    return None


def _notes(app: App, contenders: Iterable[Contender]) -> Iterator[str]:
    """Yield notes on the variants."""
    from django.conf import settings

    yield from (one.missing for one in app.variants if one.missing)
    for one in contenders:
        changed = pickle.loads(one.overrides) if one.overrides else {}
        further = [name for name in changed.get("INSTALLED_APPS", ()) if name not in settings.INSTALLED_APPS]
        for name in filter(_has_tables, further):
            yield (
                f"variant {one_line(one.name)}: the tables of {name} are not created, as migrate runs once for all "
                "variants: put it into the project's own INSTALLED_APPS"
            )


def _has_tables(name: str) -> bool:
    """Return whether the app called *name* in INSTALLED_APPS has migrations."""
    with suppress(ImportError):
        return find_spec(f"{name.partition('.apps.')[0]}.migrations") is not None
    return False


def _overrides(variant: Variant, settings: Any) -> bytes:
    """Return the settings that a variant changes, pickled; only processes of the project unpickle them.

    Raises:
        UserError: if they are not a mapping of settings, or cannot be pickled.
    """
    if variant.settings is None:
        return b""
    where = f"APP.variant({one_line(variant.name)!r}): settings="
    found = variant.settings(settings)
    if not isinstance(found, Mapping) or not all(isinstance(name, str) and name.isupper() for name in found):
        raise UserError(
            f"{where} returned {one_line(repr(found), 60)}; it must be a mapping of settings, such as "
            "{'CACHE_MIDDLEWARE_SECONDS': 60}"
        )
    rows = found.get("DATABASES")
    if rows is not None and {*rows} != {*settings.DATABASES}:
        raise UserError(f"{where} adds or removes databases; it may only change their options")
    try:
        return pickle.dumps(dict(found))
    except Exception as error:  # noqa: BLE001 - pickle may raise anything
        name = next((name for name, value in found.items() if not _pickles(value)), "")
        raise UserError(
            f"{where} {name} cannot be sent to another process ({one_line(error, 120)}); "
            "write objects in it as a dotted path"
        ) from None


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - as above
        return False
    return True


def _plain(scenario: Scenario) -> Scenario:
    """Return *scenario* if the command's own process, which cannot import the project, can unpickle it.

    Raises:
        UserError: if it is of a class of the project's own.
    """
    if type(scenario) is not Scenario:
        raise UserError(f"SCENARIO must be a Scenario(...) itself, not a {type(scenario).__name__}")
    return scenario
