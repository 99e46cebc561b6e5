"""Fills a project's databases: with migrations, fixtures and the experiment's `fill`, or with an earlier, kept copy."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..application import App
from ..project.databases import create, drop
from ..project.databases.extensions import require_extensions
from ..project.databases.places import Places
from ..project.files import is_of
from ..project.stage import Project
from .errand import Errand
from .kept import key_of, load, save


def fill(errand: Errand, project: Project, places: Places, family: str) -> bool:
    """Fill the empty databases at *places*, to which the project is connected; return whether a kept copy was used.

    Exceptions of the project's code are passed on unchanged.
    """
    from django.db import connections

    where = errand.further.get("kept")
    kept = None if where is None else Path(where) / _key(errand, project, family)
    connections.close_all()
    anew = bool(errand.further.get("refill"))
    if kept is not None and not anew and load(kept, places, family):
        return True
    require_extensions(project.databases, places)
    with _step("while migrating"):
        _migrate()
    with _step("while filling the databases"):
        _fill(project.app)
    connections.close_all()
    if kept is not None and save(kept, places, family, anew=anew) and family == "postgres":
        _load_again(errand, project, kept, places)
    return False


def _load_again(errand: Errand, project: Project, kept: Path, places: Places) -> None:
    """Replace the filled databases by the copy that is now kept: else rows would lie in another order in later runs."""
    drop(places)
    create("postgres", project.databases, Path(errand.folder), errand.further["postgres"])
    load(kept, places, "postgres")


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Add a note to exceptions in the block that says when they were raised."""
    try:
        yield
    except Exception as error:
        error.add_note(f"({what})")
        raise


def _migrate() -> None:
    from django.core.management import call_command
    from django.db import connections

    for alias in connections:
        for unmigrated in (False, True):  # apps without migrations second: they may refer to tables of the others
            call_command(
                "migrate", database=alias, run_syncdb=unmigrated, interactive=False, verbosity=0, skip_checks=True
            )


def _fill(app: App) -> None:
    from django.core.management import call_command

    if app.fixtures:
        call_command("loaddata", *app.fixtures, verbosity=0, skip_checks=True)
    if app.filling is not None:
        app.filling()


def _key(errand: Errand, project: Project, family: str) -> str:
    """Return the name of the kept copy, a hash of all that fills the databases; call this before more is imported."""
    from django.conf import settings

    engines = {alias: entry.get("ENGINE") for alias, entry in project.databases.items()}
    tables = (settings.INSTALLED_APPS, settings.DATABASE_ROUTERS, settings.AUTH_USER_MODEL, settings.MIGRATION_MODULES)
    filled = (errand.text, errand.start_s, sorted(errand.env.items()), family, engines, *map(str, tables))
    return key_of(filled, _files(errand, project.app))


def _files(errand: Errand, app: App) -> Iterator[Path]:
    """Yield the files that fill the databases: migrations, models, fixtures, and the modules imported so far."""
    from django.apps import apps
    from django.conf import settings

    project = Path(errand.file).parent
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and is_of(project, file) and file != errand.file:
            yield Path(file)
    for config in apps.get_app_configs():
        folder = Path(config.path)
        yield from folder.glob("migrations/**/*.py")
        yield from (folder / "models.py", *folder.glob("models/**/*.py"))
        if app.fixtures:
            yield from folder.glob("fixtures/**/*.*")
    for folder in map(Path, settings.FIXTURE_DIRS if app.fixtures else ()):
        yield from folder.glob("**/*.*")
    yield from (project / name for name in app.fixtures if (project / name).is_file())
