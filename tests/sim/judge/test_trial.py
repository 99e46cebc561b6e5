"""Each function shown before the run, on real databases: what is told of it, and what is refused."""

import os
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpResponse, HttpResponseRedirect

from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.trial import Candidate, tried
from cachewise.sim.project.caches.blank import Blanks
from tests.helpers import SERVERS
from tests.sim.judge import stage
from tests.sim.judge.stage import apart

NOW: list[float] = []
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
DATED = "from byte 15 of 18 and 18: 'xxxxxxx 0, xxx 0.0' and 'xxxxxxx 0, xxx 0.0'"

IN_A_THREAD = (
    "DATABASES['default'] used in the thread 'loader', where no virtual time passes: do that in the request itself, or "
    "hand it to a Celery task"
)


def cached() -> HttpResponse:
    """A read that asks the cache, and finds nothing: three statements."""
    cache = caches["default"]
    if cache.get_or_set("product:1", lambda: stage.product(1).price) is None:
        return HttpResponse("never")
    return HttpResponse(f"{stage.listing(1)} {cache.get('product:1') or stage.product(1).price}")


def renamed() -> HttpResponse:
    """A write in two transactions, with a call of the cache after the first."""
    from django.db import transaction

    from tests.sim.judge.models import Product

    with transaction.atomic():
        row = Product.objects.get(pk=1)
        row.name = "other"
        row.save()
        with transaction.atomic():
            Product.objects.filter(pk=2).update(price=7)
        transaction.on_commit(lambda: caches["default"].delete("product:1"))
    Product.objects.create(name="new", price=1, shelf_id=1)
    return HttpResponse(status=204)


def rolled_back() -> None:
    """A write of which nothing is left."""
    from django.db import transaction

    with transaction.atomic():
        renamed()
        transaction.set_rollback(True)


def nothing_found() -> None:
    """A write that finds no row to change."""
    from tests.sim.judge.models import Product

    Product.objects.filter(pk=1000).update(price=1)


def elsewhere() -> int:
    """A read that asks the database in a thread, and takes what goes wrong there as it comes."""
    thread = threading.Thread(target=asked_alone, name="loader")
    thread.start()
    thread.join()
    return 1


def asked_alone() -> None:
    """Ask the database."""
    with suppress(Exception):
        stage.product(1)


async def later() -> int:
    """An async function."""
    return 1


def candidates() -> list[Candidate]:
    def called(func: Any) -> Any:
        def call(clock_s: float, nth: int) -> Any:
            NOW[:] = [clock_s]
            random.seed(nth)
            caches["default"] = Blanks({"default": LOCMEM}).with_stores({})["default"]
            return func()

        return call

    return [
        Candidate("read", "cached", called(cached)),
        Candidate("read", "plain", called(lambda: stage.listing(1))),
        Candidate("read", "writes", called(lambda: stage.visited(1))),
        Candidate("write", "renamed", called(renamed), (204,)),
        Candidate("journey", "steps", called(lambda: stage.product(1).price)),
        Candidate("read", "moved", called(lambda: HttpResponseRedirect("/login/?next=/secret/"))),
        Candidate("read", "moved as expected", called(lambda: HttpResponseRedirect("/login/")), (302,)),
        Candidate("read", "missing", called(lambda: stage.product(1000))),
        Candidate("read", "drawn", called(lambda: HttpResponse(f"{stage.product(1).name} {random.random()}"))),
        Candidate("read", "dated", called(lambda: HttpResponse(f"{stage.product(1).name}, day {NOW[0] // 86400}"))),
        Candidate("read", "opens", called(lambda: (stage.product(1).name, 8 <= NOW[0] / 3600 % 24 < 20))),
        Candidate("read", "judged", called(lambda: (1, random.random())), judge=lambda pair: pair[0]),
        Candidate("read", "async", called(later)),
        Candidate("read", "nothing", called(lambda: stage.product(1) and None), judge=lambda row: row.pk),
        Candidate("read", "nothing at once", called(lambda: None)),
        Candidate("read", "yields", called(lambda: (row for row in stage.listing(1)))),
        Candidate("read", "forbidden", called(lambda: HttpResponse(status=403))),
        Candidate("read", "forbidden to all", called(lambda: HttpResponse(status=403)), logged_in=True),
        Candidate("read", "in a thread", called(elsewhere)),
        Candidate("read", "ends", called(lambda: os._exit(3))),
        Candidate("write", "rolled back", called(rolled_back)),
        Candidate("write", "nothing found", called(nothing_found)),
    ]


def shown(database: Any) -> Any:
    """Try them all; return what came of it, and what is in the database then."""
    models = stage.set_up(database)
    family = "sqlite" if isinstance(database, str) else "postgres"
    trial = tried(candidates(), snapshots_of(family, ("default",)))
    facts = {one.name: found for one, found in trial.facts}
    left = models.Product.objects.count(), models.Product.objects.get(pk=1).name, models.Visit.objects.count()
    new = models.Product.objects.create(name="next", shelf_id=1).pk
    return facts, trial.refusals, trial.notes, left, new


@pytest.mark.servers
@pytest.mark.parametrize("family", ["sqlite", "postgres"])
def test_each_function_is_shown(tmp_path: Path, family: str) -> None:
    """What it does, what is refused in one list, what is noted; and nothing is left in the databases."""
    database: Any = stage.database_in(tmp_path)
    if family == "postgres":
        database = SERVERS.start("postgres", virtual=False).database
    facts, refusals, notes, left, new = apart(shown, database)
    told = {name: (one.status, one.statements, one.cache_calls, one.commits) for name, one in facts.items()}
    assert told["cached"] == (200, 3, 2, 0)
    assert told["plain"] == (None, 1, 0, 0)
    assert told["writes"] == (None, 5, 0, 1)
    assert told["renamed"] == (204, 4, 1, 2)
    assert told["steps"] == (None, 1, 0, 0)
    assert facts["cached"].size_bytes == len(facts["cached"].content.removeprefix(b"response 200 "))
    assert refusals[1].endswith(f"stage.py, line {stage.product.__code__.co_firstlineno + 4})")
    assert refusals == [
        "read moved: status 302 to /login/: does it need users=?; correct the request, or say expect=302",
        "read missing: it raises DoesNotExist: Product matching query does not exist. ("
        + refusals[1].rpartition("(")[2],
        "read drawn: it gives two results on the same rows (" + refusals[2].partition("(")[2],
        f"read dated: it depends on the clock: a day later it differs ({DATED}); name what matters with judge=",
        "read opens: it depends on the clock: a day later it differs (" + refusals[4].partition("differs (")[2],
        "read async: it calls an async view, which is not modelled; call a sync one",
        "read nothing: it returns nothing; return the value to judge",
        "read nothing at once: it returns nothing; return the value to judge",
        "read yields: it gives a generator: return list(...)",
        "read forbidden: status 403: does it need users=?; correct the request, or say expect=403",
        "read forbidden to all: status 403: may its user see it?; correct the request, or say expect=403",
        f"read in a thread: {IN_A_THREAD}",
        "read ends: it ends its process (status 3)",
        "write rolled back: it commits no change of a row",
        "write nothing found: it commits no change of a row",
    ]
    quiet = [name for name, one in facts.items() if one.cache_calls == 0 and name not in ("steps", "nothing found")]
    assert notes == [f"read {name} asks no cache for a copy" for name in quiet if name != "rolled back"]
    assert (left, new) == ((6, "product 0", 0), 7)
