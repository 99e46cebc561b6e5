"""Each backend under a project's run, and what a run leaves open on the server."""

from pathlib import Path
from textwrap import dedent

import pytest

from cachewise import Scenario
from cachewise.sim.application import NO_CACHE
from tests.helpers import SERVERS
from tests.projects import EXPERIMENT, POSTGRES, write_project
from tests.sim.app.pages import pages
from tests.sim.app.playing import Play

BACKENDS = ("shared", "locmem", "file", "db", "postgres", "redis", "django-redis", "memcached")
SHORT = Scenario("short", reads_per_s=20, writes_per_s=1, warmup_s=1, duration_s=4, workers=2, threads=2)


@pytest.mark.servers
def test_a_project_finds_what_it_has_cached_on_every_backend(tmp_path: Path) -> None:
    """No request fails, and each backend with one store gives the same hits."""
    play = Play(pages(tmp_path / "project", SHORT, "deleted"), SERVERS, tmp_path / "rows")
    outcomes = play.runs([play.errand(backend=backend, seed=1) for backend in BACKENDS])
    assert [outcome.failures for outcome in outcomes] == [[]] * len(BACKENDS)
    hits = {outcome.outcome.run.backend: outcome.outcome.summary["hits"] for outcome in outcomes}
    assert len({hits[backend] for backend in BACKENDS if backend != "locmem"}) == 1
    assert min(hits.values()) > 0


@pytest.mark.servers
def test_a_cache_in_a_table_serves_journeys_and_no_cache(tmp_path: Path) -> None:
    """Its connection is found by every thread, also where only stores are kept."""
    settings = """
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
        SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    """
    file = write_project(tmp_path / "project", settings=settings, experiment=with_journeys(dedent(EXPERIMENT)))
    play = Play(file, SERVERS, tmp_path / "rows")
    for variant in ("as it is", NO_CACHE):
        outcome = play.run(variant)
        assert outcome.failures == []
        assert outcome.outcome.summary["reads"] > 0


def test_sqlite_and_caches_in_memory_need_no_driver(tmp_path: Path) -> None:
    """Where psycopg, redis and pymemcache are not installed, the scout and a run go without."""
    absent = {f"{name}.py": "raise ModuleNotFoundError('not installed')" for name in ("psycopg", "redis", "pymemcache")}
    file = write_project(tmp_path / "project", files=absent)
    outcome = Play(file, SERVERS, tmp_path / "rows").run()
    assert outcome.failures == []
    assert outcome.outcome.summary["hits"] > 0


USERS = """
    from django.contrib.auth.models import User
    User.objects.bulk_create(User(username=f"user{number}") for number in range(3))
"""
JOURNEY = """
    SCENARIO = Scenario("shop", duration_s=6, warmup_s=1, workers=2, threads=2)


    @APP.journey(per_s=8, users=3)
    def look_around(client, user):
        Product.objects.count()
        client.get("/product/1/")


    @APP.at(5)
    def look():
        from django.db import connection
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                (count,) = cursor.fetchone()
                assert count < 30, f"{count} connections are open"
"""


def with_journeys(experiment: str) -> str:
    """Return *experiment* with users, and journeys of theirs that ask the database themselves."""
    return experiment.replace("def fill():\n", f"def fill():{USERS}") + dedent(JOURNEY)


@pytest.mark.servers
def test_who_has_come_and_gone_leaves_no_connection(tmp_path: Path) -> None:
    """Each journey has a thread of its own, whose connection ends with it."""
    experiment = with_journeys(dedent(EXPERIMENT).replace("per_s=1,", "per_s=0.2,"))
    file = write_project(tmp_path / "project", database=POSTGRES, experiment=experiment)
    outcome = Play(file, SERVERS, tmp_path / "rows").run()
    assert outcome.failures == []
