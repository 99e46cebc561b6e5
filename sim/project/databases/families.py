"""The kinds of a project's databases, and their settings once they are private."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from ...errors import UserError, one_line

Family = Literal["sqlite", "postgres"]
Databases = Mapping[str, Mapping[str, Any]]

PLAIN: Mapping[Family, str] = {"sqlite": "django.db.backends.sqlite3", "postgres": "django.db.backends.postgresql"}
ENGINES: Mapping[str, Family] = {
    **{engine: family for family, engine in PLAIN.items()},
    "django.contrib.gis.db.backends.postgis": "postgres",
}
REPLACED = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
MIRRORED = ("ENGINE", "NAME", "HOST", "PORT")  # two aliases with the same values are one database
# Writers wait in our own queue. In real time, only another process that opens the file can delay one.
SQLITE_WAIT_S = 5
SQLITE_COMMANDS = "PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
# These options lead a client to another server, role or pool. The rest of OPTIONS stays.
LEADS_ELSEWHERE = re.compile(
    r"service|servicefile|passfile|pool|assume_role|require_auth|channel_binding|target_session_attrs"
    r"|load_balance_hosts|host|hostaddr|port|dbname|user|password|replication|(ssl|gss|krb|requiressl|requirepeer).*"
)
# A statement waits in virtual time, so the server's own timeouts, in real time, must be off. The server must say who
# waits (see `parking`).
POSTGRES_SETTINGS = (
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("client_min_messages", "log"),
)


def family_of(databases: Databases, wanted: str | None) -> Family:
    """Return the family of all databases of a run: *wanted*, or that of ``default``.

    Raises:
        UserError: for engines without a private server, and for ATOMIC_REQUESTS on SQLite.
    """
    if not databases.get("default", {}).get("ENGINE"):
        raise UserError("the settings have no DATABASES['default'] with an ENGINE: without rows no read can be judged")
    if wanted is None:
        families = {alias: _own_family(alias, entry) for alias, entry in databases.items()}
        family = families["default"]
        for alias, other in families.items():
            if other != family:
                raise UserError(
                    f"DATABASES[{alias!r}] is {other}, while 'default' is {family}; "
                    f"use one kind for all: --database {family}"
                )
    else:
        family = cast("Family", wanted)
    for alias, entry in databases.items():
        if family == "sqlite" and entry.get("ATOMIC_REQUESTS"):
            raise UserError(
                f"DATABASES[{alias!r}] has ATOMIC_REQUESTS on SQLite: every request would queue for its one writer, "
                "and the races that you ask about would not happen; use --database postgres"
            )
    return family


def _own_family(alias: str, entry: Mapping[str, Any]) -> Family:
    """Return the family of an alias's engine.

    Raises:
        UserError: for an engine other than Django's for SQLite or PostgreSQL.
    """
    engine = str(entry.get("ENGINE", ""))
    if engine in ENGINES:
        return ENGINES[engine]
    where = f"DATABASES[{alias!r}]: ENGINE {one_line(engine)!r}"
    if engine in ("django.db.backends.mysql", "django.db.backends.oracle"):
        raise UserError(f"{where} has no private server here; use --database postgres: its locks are most similar")
    nearest = "sqlite" if re.search("sqlite|spatialite", engine) else "postgres"
    raise UserError(f"{where} is not Django's own for SQLite or PostgreSQL; use --database {nearest}")


def mirrors(databases: Databases) -> dict[str, str]:
    """Return for each alias the one whose database it uses: itself, unless it mirrors another.

    An alias mirrors the MIRROR in its TEST, or the first alias with the same name on the same server.
    """
    found: dict[str, str] = {}
    first: dict[tuple[str, ...], str] = {}
    for alias, entry in databases.items():
        address = tuple(str(entry.get(key, "")) for key in MIRRORED)
        mirrored = str((entry.get("TEST") or {}).get("MIRROR"))
        if mirrored in databases:
            found[alias] = mirrored
        elif entry.get("NAME") and ":memory:" not in address[1]:
            found[alias] = first.setdefault(address, alias)
        else:
            found[alias] = alias
    return {alias: found[one] if found[one] in found else one for alias, one in found.items()}


def entries(databases: Databases, places: Databases, family: str) -> dict[str, dict[str, Any]]:
    """Return the new settings.DATABASES: each alias at its private place, the rest as in the project.

    OPTIONS that lead to another server are removed, and options for virtual waits are added. If the family is not the
    alias's own, ENGINE is Django's for that family, and the driver's OPTIONS are left out.
    """
    return {alias: _entry(entry, places[alias], family) for alias, entry in databases.items()}


def _entry(entry: Mapping[str, Any], place: Mapping[str, Any], family: str) -> dict[str, Any]:
    engine, options = entry.get("ENGINE", ""), dict(entry.get("OPTIONS") or {})
    if ENGINES.get(engine) != family:
        engine, options = PLAIN[cast("Family", family)], {}
    options = _sqlite_options(options) if family == "sqlite" else _postgres_options(options)
    address = {key: place.get(key, "") for key in REPLACED}
    return {**entry, "ENGINE": engine, "OPTIONS": options, **address}


def _sqlite_options(options: Mapping[str, Any]) -> dict[str, Any]:
    theirs = str(options.get("init_command", "")).strip().rstrip(";")
    return {
        **{key: value for key, value in options.items() if key not in ("database", "uri")},
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_WAIT_S,
        "init_command": f"{theirs}; {SQLITE_COMMANDS}" if theirs else SQLITE_COMMANDS,
    }


def _postgres_options(options: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if not LEADS_ELSEWHERE.fullmatch(str(key))}
    ours = (f"-c {name}={value}" for name, value in POSTGRES_SETTINGS)
    return {**kept, "options": " ".join([str(kept.get("options", "")), *ours]).strip()}


def left_out(databases: Databases) -> Iterator[str]:
    """Yield a line for each option of the project's that its private databases leave out."""
    for alias, entry in databases.items():
        for key in entry.get("OPTIONS") or {}:
            if ENGINES.get(entry.get("ENGINE", "")) == "postgres" and LEADS_ELSEWHERE.fullmatch(str(key)):
                yield f"DATABASES[{alias!r}]: OPTIONS[{key!r}] is left out"
