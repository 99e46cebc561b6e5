"""Incidents of one small project: each goes wrong as its file says, and its cure mends it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers import SERVERS

pytestmark = pytest.mark.proof  # the incidents themselves are played in test_incidents.py
INCIDENTS = Path(__file__).parent / "incidents"
START = """
    import importlib, json, os, sys
    from threading import Thread
    sys.path.insert(0, os.environ["INCIDENTS"])
    os.environ["DJANGO_SETTINGS_MODULE"] = "press.settings"
    from django.conf import settings
    settings.DATABASES["default"] |= json.loads(os.environ["ROWS"])
    overrides = json.loads(os.environ["OVERRIDES"])
    for name, value in overrides.items():
        setattr(settings, name, value)
    for number, entry in enumerate(settings.CACHES.values(), 1):
        entry["LOCATION"] = os.environ["REDIS"] + f"?db={number}"
    import django
    django.setup()
    from django.core.cache import cache
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    call_command("migrate", verbosity=0)
    experiment = importlib.import_module(os.environ["INCIDENT"])
    cured = "CURED" in os.environ
    (variant,) = experiment.APP.variants
    experiment.APP.filling()
    client = Client()

    def cure():
        if cured and variant.code is not None:
            variant.code()

    def elsewhere(func):
        def alone():
            func()
            connection.close()
        thread = Thread(target=alone)
        thread.start()
        thread.join()

    def text(response):
        return response.content.decode()
"""
READS_AFTER_A_WRITE = """
    cure()
    read, write = READ, WRITE
    read(), write()
    served = read()
    cache.clear()
    print(json.dumps({"stale": served != read()}))
"""
ONE_AFTER_THE_OTHER = {  # the incident, a read, and the write after which it is old
    "update": ("text(experiment.article(client, 1))", "experiment.like(client, 1)"),
    "m2m": ("text(experiment.article(client, 1))", "experiment.tag(client, 1, 3)"),
    "many_rows": ("text(experiment.article(client, 1))", "experiment.rename_author(client, 2)"),
    "per_cookie": ("text(experiment.own_front(client, None))", "experiment.rename_first(client)"),
    "rolled_back": ("text(experiment.title(client, 1))", "experiment.retitle(client, 1, False)"),
}


def told(incident: str, steps: str, rows: dict[str, Any], *, cured: bool, overrides: Any = ()) -> dict[str, Any]:
    """Return what *steps* print in a process of their own, with the project set up and filled."""
    server = SERVERS.start("redis", virtual=False)
    server.flush()
    if rows["NAME"].startswith("/"):
        Path(rows["NAME"]).unlink(missing_ok=True)
    env = {
        **os.environ,
        **declared(incident).env,
        "INCIDENTS": str(INCIDENTS),
        "INCIDENT": incident,
        "ROWS": json.dumps(rows),
        "REDIS": server.location,
        "OVERRIDES": json.dumps(dict(overrides)),
        **({"CURED": "yes"} if cured else {}),
    }
    program = dedent(START) + dedent(steps)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def declared(incident: str) -> Any:
    """Return the App of an incident's file as it is written there: nothing is imported."""
    import ast

    from cachewise import App

    tree = ast.parse((INCIDENTS / f"{incident}.py").read_text(encoding="utf-8"))
    (call,) = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "APP"
    ]
    return eval(ast.unparse(call), {"App": App})  # noqa: S307 - it is a file of ours


@pytest.mark.parametrize("cured", [False, True])
@pytest.mark.parametrize("incident", ONE_AFTER_THE_OTHER)
def test_a_read_after_a_write(tmp_path: Path, incident: str, cured: bool) -> None:
    """What is cached before the write is served after it, unless it is cured."""
    read, write = ONE_AFTER_THE_OTHER[incident]
    steps = READS_AFTER_A_WRITE.replace("READ", f"lambda: {read}").replace("WRITE", f"lambda: {write}")
    if incident == "per_cookie":
        steps = "    client.force_login(experiment.readers()[0])\n" + steps
    assert told(incident, steps, {"NAME": str(tmp_path / "rows")}, cured=cured) == {"stale": not cured}


@pytest.mark.parametrize("cured", [False, True])
def test_a_clear_logs_everybody_out(tmp_path: Path, cured: bool) -> None:
    """The sessions are in the cache that is emptied, unless they have one of their own."""
    steps = """
        client.force_login(experiment.readers()[0])
        before = experiment.desk(client, None).status_code
        experiment.deploy()
        print(json.dumps([before, experiment.desk(client, None).status_code]))
    """
    find = "\n    print(json.dumps(variant.settings(settings)))"
    rows = {"NAME": str(tmp_path / "rows")}
    overrides = told("clear", find, rows, cured=False) if cured else {}
    assert told("clear", steps, rows, cured=cured, overrides=overrides) == [200, 200 if cured else 302]


@pytest.mark.servers
@pytest.mark.parametrize("cured", [False, True])
def test_a_delete_before_the_commit(cured: bool) -> None:
    """Whoever reads between the save and the commit of the request caches the old title."""
    steps = """
        cure()
        read = lambda: text(experiment.article(client, 1))

        def during(execute, sql, *arguments):  # the statement after the save
            if "INSERT" in sql and "press_revision" in sql:
                elsewhere(read)
            return execute(sql, *arguments)

        read()
        with connection.execute_wrapper(during):
            experiment.rename(client, 1)
        served = read()
        cache.clear()
        print(json.dumps({"stale": served != read()}))
    """
    with new_database() as rows:
        assert told("post_save", steps, rows, cured=cured) == {"stale": not cured}


@pytest.mark.servers
@pytest.mark.parametrize("cured", [False, True])
def test_a_reader_that_stores_after_the_invalidation(cured: bool) -> None:
    """Cachalot takes its stamp after the query: what was read before a write is stored after it, and stays."""
    steps = """
        cure()
        read = lambda: text(experiment.titles(client))

        def during(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if "press_article" in sql:
                elsewhere(lambda: experiment.rename(Client(), 1))
            return result

        with connection.execute_wrapper(during):
            read()
        served = read()
        cache.clear()
        print(json.dumps({"stale": served != read()}))
    """
    with new_database() as rows:
        overrides = {"CACHALOT_UNCACHABLE_TABLES": ["django_migrations", "press_article"]} if cured else {}
        assert told("cachalot_reader", steps, rows, cured=cured, overrides=overrides) == {"stale": not cured}


@contextmanager
def new_database() -> Iterator[dict[str, Any]]:
    """Give what names a database of its own on the session's PostgreSQL."""
    import psycopg

    server: Any = SERVERS.start("postgres", virtual=False)
    place = server.database
    with psycopg.connect(
        dbname=place["NAME"], host=place["HOST"], port=place["PORT"], user=place["USER"], autocommit=True
    ) as admin:
        admin.execute("CREATE DATABASE press")
        yield {**place, "NAME": "press"}
        admin.execute("DROP DATABASE press WITH (FORCE)")
