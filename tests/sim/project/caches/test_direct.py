"""Direct clients of Redis: cacheops and ``redis.Redis(...)`` live on a private server, and pay their round trips."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.sim.project.caches.small import played, start, write
from tests.sim.project.caches.test_sites import line_of


@contextmanager
def bystander() -> Iterator[tuple[int, list[object]]]:
    """Listen as a server would that is named in the settings; give its port, and who has connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        seen: list[object] = []
        yield server.getsockname()[1], seen
        with suppress(BlockingIOError):
            seen.append(server.accept()[1])


MODELS = """
from django.db import models

class Product(models.Model):
    name = models.CharField(max_length=50)
"""
CACHEOPS = """
from django.db import connection
from shop.models import Product

SAID = []
with connection.schema_editor() as editor:
    editor.create_model(Product)
Product.objects.create(name="tea")


def look():
    SAID.append([product.name for product in Product.objects.filter(name="tea").cache()])


def rename():
    Product.objects.filter(name="tea").invalidated_update(name="coffee")


STEPS = [look, look, rename, look]
EVALUATED = [lambda: list(Product.objects.filter(name="coffee").cache().values_list("name", flat=True))] * 2
"""


def test_cacheops_runs_on_a_private_redis(tmp_path: Path) -> None:
    """It hits, invalidates and takes time; its call site is the line of the project; its address sees nobody."""
    with bystander() as (port, seen):
        settings = f"""
INSTALLED_APPS += ["cacheops"]
CACHEOPS_REDIS = {{"host": "127.0.0.1", "port": {port}, "db": 3, "password": "secret"}}
CACHEOPS = {{"shop.*": {{"ops": (), "timeout": 60}}}}
"""
        told = played(write(tmp_path, settings=settings, models=MODELS, experiment=CACHEOPS))
    assert not seen
    assert told["said"] == [["tea"], ["tea"], []]
    assert told["evaluated"] == [["coffee"]] * 2
    looks = [(site, hits, misses) for site, _, verb, _, _, hits, misses, _ in told["calls"] if verb in ("get", "mget")]
    site = f"cache_experiment.py:{line_of(CACHEOPS, 'SAID.append')}"
    assert looks == [(site, 0, 1), (site, 1, 0), (site, 0, 1)]
    assert told["oldest_s"] == "-inf"
    assert "went to a private redis-server" in told["caches"][-1]
    assert told["end_s"] > 30.0


PLAIN = """
import redis

one = redis.Redis("127.0.0.1", {port}, db=1, password="p", username="u")
other = redis.Redis.from_url("redis://u:p@127.0.0.1:{port}/2")
same = redis.Redis("localhost", {port}, db=1)
one.set("early", 1)
SAID = []


def store():
    one.set("k", "v", ex=15)
    one.set("until", "v", exat=1_735_689_600 + 15)
    SAID.append([one.get("k") == b"v", same.get("k") == b"v", other.get("k"), one.get("early")])


def look():
    SAID.append([one.ttl("k"), one.ttl("until"), one.exists("k")])


def late():
    SAID.append([one.get("k"), one.get("until")])
    with one.pipeline() as pipeline:
        pipeline.set("a", 1).incr("a")
        SAID.append(pipeline.execute())


STEPS = [store, look, late]
EVALUATED = [lambda: [one.get("a"), other.incr("n"), one.get("a")], lambda: other.incr("n")]
"""


def test_plain_clients_live_in_the_runs_time(tmp_path: Path) -> None:
    """What was stored before the run is gone; addresses stay apart; timeouts and instants are the project's."""
    with bystander() as (port, seen):
        told = played(write(tmp_path, experiment=PLAIN.replace("{port}", str(port))))
    assert not seen
    assert told["said"] == [[True, True, None, None], [5, 5, 1], [None, None], [True, 2]]
    assert told["evaluated"] == [[None, 1, None], 1]  # each on a server of its own, which is empty


def test_without_a_cache_cacheops_is_off(tmp_path: Path) -> None:
    """Its own switch: nothing hits, nothing is sent, no time passes."""
    settings = 'INSTALLED_APPS += ["cacheops"]\nCACHEOPS = {"shop.*": {"ops": (), "timeout": 60}}\n'
    text = CACHEOPS + "NO_CACHE = True\n"
    told = played(write(tmp_path, settings=settings, models=MODELS, experiment=text))
    assert told["said"] == [["tea"], ["tea"], []]
    assert told["calls"] == []
    assert len(told["caches"]) == 1
    assert told["end_s"] == 30.0


def test_cacheops_is_off_in_an_evaluation(tmp_path: Path) -> None:
    """`update()` tells cacheops nothing: with a copy the same evaluation would go on to see the old row."""
    settings = 'INSTALLED_APPS += ["cacheops"]\nCACHEOPS = {"shop.*": {"ops": (), "timeout": 60}}\n'
    text = f"""{CACHEOPS}
def changed():
    def coffees():
        return list(Product.objects.filter(name="coffee").cache().values_list("name", flat=True))

    before = coffees()
    Product.objects.update(name="cocoa")
    return [before, coffees()]


EVALUATED = [changed]
"""
    told = played(write(tmp_path, settings=settings, models=MODELS, experiment=text))
    assert told["evaluated"] == [[["coffee"], []]]


def test_a_wait_in_the_server_is_refused(tmp_path: Path) -> None:
    """No virtual time would pass."""
    text = "import redis\nSTEPS = [lambda: redis.Redis().blpop('queue', 5)]\n"
    done = start(write(tmp_path, experiment=text))
    assert "BLPOP waits in the server" in done.stderr
