"""Extensions of PostgreSQL that a project needs."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres.operations import CreateExtension
from django.db import migrations
from django.db.migrations.loader import MigrationLoader

from cachewise.sim.errors import UserError
from cachewise.sim.project.databases import create, drop
from cachewise.sim.project.databases.extensions import require_extensions
from tests.sim.project.databases.stage import ENGINE, address

pytestmark = pytest.mark.servers


def require(monkeypatch: pytest.MonkeyPatch, folder: Path, engine: str, *operations: Any) -> None:
    """Require what a project with such migrations needs."""

    def one_migration(loader: MigrationLoader) -> None:
        loader.disk_migrations = {("shop", "0001"): migrations.Migration("0001", "shop")}
        loader.disk_migrations["shop", "0001"].operations = list(operations)

    monkeypatch.setattr(MigrationLoader, "build_graph", one_migration)
    databases = {"default": {"ENGINE": engine, "NAME": "theirs"}}
    places = create("postgres", databases, folder, address("postgres"))
    try:
        require_extensions(databases, places)
    finally:
        drop(places)


def test_what_is_there_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PostgreSQL brings one with it."""
    require(monkeypatch, tmp_path, ENGINE["postgres"], CreateExtension("plpgsql"))


def test_what_is_missing_is_said_before_migrate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of it in one line, in whatever way a migration makes it."""
    deep = migrations.SeparateDatabaseAndState(database_operations=[CreateExtension("no_such_a")])
    text = migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS no_such_b;")
    with pytest.raises(UserError, match="extensions no_such_a, no_such_b, which this machine's PostgreSQL does not"):
        require(monkeypatch, tmp_path, ENGINE["postgres"], deep, text, CreateExtension("plpgsql"))
