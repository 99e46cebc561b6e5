"""Which databases a project has, and what becomes of its settings."""

from typing import Any

import pytest

from cachewise.sim.errors import UserError
from cachewise.sim.project.databases import entries, family_of, left_out
from cachewise.sim.project.databases.families import mirrors

SQLITE = "django.db.backends.sqlite3"
POSTGRES = "django.db.backends.postgresql"


def of(engine: str, **more: Any) -> dict[str, Any]:
    """Return an entry of DATABASES."""
    return {"ENGINE": engine, "NAME": "theirs", **more}


@pytest.mark.parametrize(
    ("databases", "wanted", "family"),
    [
        ({"default": of(SQLITE)}, None, "sqlite"),
        ({"default": of(POSTGRES), "other": of(POSTGRES)}, None, "postgres"),
        ({"default": of("django.contrib.gis.db.backends.postgis")}, None, "postgres"),
        ({"default": of(SQLITE), "other": of(POSTGRES)}, "postgres", "postgres"),
        ({"default": of(POSTGRES)}, "sqlite", "sqlite"),
        ({"default": of("psqlextra.backend")}, "postgres", "postgres"),
        ({"default": of(POSTGRES, ATOMIC_REQUESTS=True)}, None, "postgres"),
        ({"default": of(SQLITE, ATOMIC_REQUESTS=True)}, "postgres", "postgres"),
    ],
)
def test_the_family(databases: dict[str, Any], wanted: str | None, family: str) -> None:
    """The default's engine decides, unless one is asked for."""
    assert family_of(databases, wanted) == family


@pytest.mark.parametrize(
    ("databases", "wanted", "said"),
    [
        ({}, None, r"no DATABASES\['default'\]"),
        ({"default": {}}, None, r"no DATABASES\['default'\]"),
        (
            {"default": of("django.db.backends.mysql")},
            None,
            "mysql' has no private server here; use --database postgres",
        ),
        ({"default": of("django.db.backends.oracle")}, None, "use --database postgres"),
        ({"default": of("psqlextra.backend")}, None, "'psqlextra.backend' is not Django's own.*--database postgres"),
        ({"default": of("my.sqlite.backend")}, None, "'my.sqlite.backend' is not Django's own.*--database sqlite"),
        ({"default": of(POSTGRES), "log": of(SQLITE)}, None, r"DATABASES\['log'\] is sqlite.*--database postgres"),
        ({"default": of(SQLITE, ATOMIC_REQUESTS=True)}, None, "ATOMIC_REQUESTS on SQLite.*use --database postgres"),
        ({"default": of(POSTGRES, ATOMIC_REQUESTS=True)}, "sqlite", "use --database postgres"),
        ({"default": of(SQLITE), "b": of(SQLITE, ATOMIC_REQUESTS=True)}, None, r"DATABASES\['b'\] has ATOMIC_REQUESTS"),
    ],
)
def test_what_is_refused(databases: dict[str, Any], wanted: str | None, said: str) -> None:
    """In one line, which names the alias and says what to use."""
    with pytest.raises(UserError, match=said) as refused:
        family_of(databases, wanted)
    assert "\n" not in str(refused.value)


def test_entries_of_postgres_keep_all_but_the_address() -> None:
    """ENGINE, ATOMIC_REQUESTS, CONN_MAX_AGE and the isolation level stay; what leads elsewhere goes."""
    options = {
        "isolation_level": 3,
        "service": "live",
        "sslmode": "require",
        "passfile": "/p",
        "pool": True,
        "options": "-c search_path=shop -c statement_timeout=5000",
        "hostaddr": "10.0.0.1",
        "assume_role": "web",
    }
    theirs = of(POSTGRES, HOST="live", USER="web", ATOMIC_REQUESTS=True, CONN_MAX_AGE=60, OPTIONS=options)
    place = {"NAME": "ours", "USER": "cachewise", "PASSWORD": "", "HOST": "/private", "PORT": "5432"}
    entry = entries({"default": theirs}, {"default": place}, "postgres")["default"]
    said = entry["OPTIONS"].pop("options")
    assert entry == {
        **place,
        "ENGINE": POSTGRES,
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"isolation_level": 3},
    }
    assert said.startswith("-c search_path=shop -c statement_timeout=5000 ")
    assert "-c statement_timeout=0 " in said  # the last one counts
    assert theirs["OPTIONS"] == options
    assert len(list(left_out({"default": theirs}))) == 6


def test_entries_of_sqlite() -> None:
    """The project's own commands come first, and ours after them."""
    theirs = of(SQLITE, OPTIONS={"init_command": "PRAGMA cache_size=1;", "timeout": 20, "transaction_mode": "DEFERRED"})
    place = {"NAME": "/x/ours.sqlite3", "USER": "", "PASSWORD": "", "HOST": "", "PORT": ""}
    options = entries({"default": theirs}, {"default": place}, "sqlite")["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["init_command"].startswith(
        "PRAGMA cache_size=1; PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL"
    )


def test_entries_of_another_family() -> None:
    """The engine is Django's for it, and the driver's options are left out."""
    place = {"NAME": "ours", "USER": "u", "PASSWORD": "", "HOST": "/private", "PORT": "1"}
    theirs = of(SQLITE, OPTIONS={"timeout": 20}, ATOMIC_REQUESTS=True)
    entry = entries({"default": theirs}, {"default": place}, "postgres")["default"]
    assert entry["ENGINE"] == POSTGRES
    assert entry["ATOMIC_REQUESTS"]
    assert set(entry["OPTIONS"]) == {"options"}


def test_aliases_that_are_one_database() -> None:
    """A mirror shares the place of what it mirrors, and so do two aliases with one name on one server."""
    databases = {
        "default": of(POSTGRES, HOST="a"),
        "again": of(POSTGRES, HOST="a"),
        "else": of(POSTGRES, HOST="b"),
        "replica": of(POSTGRES, HOST="c", TEST={"MIRROR": "again"}),
        "memory": of(SQLITE, NAME=":memory:"),
        "memory too": of(SQLITE, NAME=":memory:"),
    }
    assert mirrors(databases) == {
        "default": "default",
        "again": "default",
        "else": "else",
        "replica": "default",
        "memory": "memory",
        "memory too": "memory too",
    }
