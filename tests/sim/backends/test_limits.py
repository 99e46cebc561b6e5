"""Limits: how many entries a cache keeps, what that costs, and which keys it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache, InvalidCacheKey

from cachewise import Result, Row, Scenario, Site, Strategy, UserError
from cachewise.sim.backends import BACKENDS as BY_NAME
from cachewise.sim.backends import Limits, RefusedKeyError, params_of
from cachewise.strategies import NoCache, TtlOnly, Versioning
from tests.helpers import CULLING, ROOT, STORING, Body, Custom, cli, refused, run, script

DJANGOS = ("locmem", "file", "db", "postgres")  # which keep as many as Django says
TABLES = ("db", "postgres")


def requests(tmp_path: Path, backend: str, *bodies: tuple[float, Body], **settings: Any) -> Result:
    """Return what comes of a run in which each body is a request at its time."""

    def read(site: Site, key: str) -> Row:
        if key.isdigit():
            bodies[int(key)][1](site)
        return Row(key, 0, b"")

    steps = [(0.0, "read", "start"), *((at_s, "read", str(place)) for place, (at_s, _) in enumerate(bodies))]
    return run(script(tmp_path, [*steps, (99.5, "read", "end")], **settings), Custom(read), backend=backend)


def sets(*keys: object, timeout: float | None = None) -> Callable[[Site], None]:
    """Return a request that sets each of the keys."""
    return lambda site: [site.cache.set(str(key), 1, timeout) for key in keys] and None


@pytest.mark.parametrize("backend", STORING)
def test_three_hundred_and_one_keys(tmp_path: Path, backend: str) -> None:
    """Django's own backends keep 300 and then throw a third out; the stand-in and the servers keep all.

    A cache table throws out above 300, not at it.
    """
    left, culled = (201, 100) if backend in ("locmem", "file") else (301, 0)
    found = requests(tmp_path, backend, (0.5, sets(*range(301)))).summary
    assert (found["entries_end"], found["entries_culled"]) == (left, culled)


@pytest.mark.parametrize("backend", TABLES)
def test_one_more_on_a_table(tmp_path: Path, backend: str) -> None:
    """The 302nd row makes a cache table throw out a third of 301."""
    found = requests(tmp_path, backend, (0.5, sets(*range(302)))).summary
    assert (found["entries_end"], found["entries_culled"]) == (202, 100)


@pytest.mark.parametrize("backend", DJANGOS)
def test_a_limit_of_ones_own(tmp_path: Path, backend: str) -> None:
    """A number goes before Django's, and None lifts it."""
    for limit, left in ((400, 301), (None, 301), (3, None)):
        found = requests(tmp_path, backend, (0.5, sets(*range(301))), max_entries=limit).summary
        assert found["entries_end"] == left or (left is None and found["entries_end"] <= 4)


@pytest.mark.parametrize("backend", CULLING)
def test_only_what_had_not_expired_counts(tmp_path: Path, backend: str) -> None:
    """A cull that clears all has cost the live entries, not those whose time was over; that is no loss."""
    live = "cdef" if backend in TABLES else "cde"  # a table culls when it holds one more
    first, then = sets("a", "b", timeout=1), sets(*live, "z")
    found = requests(tmp_path, backend, (0.5, first), (9.5, then), max_entries=5, cull_frequency=0).summary
    assert (found["entries_end"], found["entries_culled"]) == (1, len(live))


@pytest.mark.parametrize("backend", TABLES)
def test_a_table_throws_expired_rows_out_first(tmp_path: Path, backend: str) -> None:
    """They are no loss; of the four live rows that are then one too many, half go."""
    bodies = [(0.5, sets("z", timeout=2)), (9.5, sets(*"edcba"))]
    found = requests(tmp_path, backend, *bodies, max_entries=3, cull_frequency=2).summary
    assert (found["entries_end"], found["entries_culled"]) == (3, 2)


@pytest.mark.parametrize("backend", CULLING)
def test_what_the_warm_up_has_cost_does_not_count(tmp_path: Path, backend: str) -> None:
    """As with all costs, those of the measured requests are the figure."""
    bodies = [(0.5, sets(*range(9))), (50.5, sets(*range(9)))]
    all_of_it, measured = (
        requests(tmp_path, backend, *bodies, max_entries=5, warmup_s=warmup_s).summary["entries_culled"]
        for warmup_s in (0, 20)
    )
    assert 0 < measured < all_of_it


def test_what_an_unknown_class_culls_cannot_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is none of Django's culls its own way: how much, nobody knows."""
    (tmp_path / "their_store.py").write_text(STORE)
    (tmp_path / "their.toml").write_text('BACKEND = "their_store.Store"\n[OPTIONS]\nMAX_ENTRIES = 3\n')
    monkeypatch.syspath_prepend(tmp_path)
    found = requests(tmp_path, str(tmp_path / "their.toml"), (0.5, sets(*range(9)))).summary
    assert found["entries_culled"] != found["entries_culled"]  # NaN


STORE = """
import time
from django.core.cache.backends.base import BaseCache, DEFAULT_TIMEOUT
STORE = {}
class Store(BaseCache):
    def __init__(self, location, params):
        super().__init__(params)
    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        if len(STORE) >= self._max_entries:
            self._cull()
        STORE[key] = value, self.get_backend_timeout(timeout)
    def get(self, key, default=None, version=None):
        value, until = STORE.get(key, (default, None))
        return default if until is not None and until <= time.time() else value
    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        self.set(key, value, timeout)
    def delete(self, key, version=None):
        STORE.pop(key, None)
    def clear(self):
        STORE.clear()
    def _cull(self):
        self.clear()
"""


def test_the_limit_is_djangos() -> None:
    """Its default is asked of Django, and only its own backends that cull have it."""
    limit = BaseCache({})._max_entries
    assert {name: one.auto_max_entries for name, one in BY_NAME.items()} == {
        name: limit if name in DJANGOS else None for name in BY_NAME
    }
    for name in DJANGOS:
        assert params_of(BY_NAME[name], Limits("auto", 3))["OPTIONS"]["MAX_ENTRIES"] == limit


@pytest.mark.parametrize("backend", ["shared", "redis"])
def test_a_cull_frequency_without_a_limit_is_refused(backend: str) -> None:
    """It would mean nothing, silently; where Django has a limit it means something."""
    with pytest.raises(UserError, match=r"^cull_frequency=2( needs max_entries|: backend .* no such limit)"):
        params_of(BY_NAME[backend], Limits("auto", 2))
    params_of(BY_NAME["locmem"], Limits("auto", 2))


def traced(folder: Path, key: str) -> Scenario:
    """Return a scenario whose third row is the first one of *key*."""
    return script(folder, [(0.0, "read", "a"), (0.5, "read", "b"), (0.75, "read", key), (1.5, "read", key)])


REFUSED = [
    ("memcached", "k" * 251, "it is 254 bytes long, and memcached takes 250"),
    ("memcached", "é" * 124, "it is 251 bytes long, and memcached takes 250"),
    ("memcached", "a b", "it has a blank or control character"),
    ("db", "k" * 256, "it is 259 characters long, and the column of a cache table takes 255"),
    ("db", "a\0b", "it has a NUL character, which PostgreSQL does not store"),
    ("postgres", "k" * 253, "it is 256 characters long, and the column of a cache table takes 255"),
]


@pytest.mark.parametrize(("backend", "key", "why"), REFUSED, ids=lambda value: str(value)[:12])
def test_a_key_that_a_backend_refuses_is_said_before_the_run(tmp_path: Path, backend: str, key: str, why: str) -> None:
    """One line names the trace's row, the backend, the key and what is wrong with it as the cache gets it."""
    scenario = traced(tmp_path, key)
    with pytest.raises(UserError) as caught:
        run(scenario, TtlOnly(), backend=backend)
    told = str(caught.value)
    assert told.startswith("trace ")
    assert f"script.csv: row 3: backend {backend!r} refuses key {key[:9]!r}"[:-1] in told or "\\x00" in told
    assert why in told
    assert told.isprintable()


@pytest.mark.parametrize(
    ("backend", "key"),
    [("memcached", "k" * 247), ("db", "é" * 252), ("postgres", "k" * 252), ("redis", "a \0" * 99), ("file", "k" * 999)],
    ids=lambda value: str(value)[:9],
)
@pytest.mark.filterwarnings("ignore::django.core.cache.backends.base.CacheKeyWarning")
def test_the_longest_keys_that_are_taken(tmp_path: Path, backend: str, key: str) -> None:
    """At the limit a key is stored and found again: what is refused is refused by the backend, not by us."""
    result = run(traced(tmp_path, key), TtlOnly(), backend=backend)
    assert result.reads["hit"].tolist() == [False, False, False, True]


def test_no_key_is_refused_that_never_gets_there(tmp_path: Path) -> None:
    """No cache at all takes any key, and a strategy of one's own may hash what it is given."""
    scenario = traced(tmp_path, "k" * 300)
    hashed = Custom(lambda site, key: site.cache.get_or_set(key[:9], lambda: site.db.read(key)))
    strategies: tuple[Strategy, ...] = (NoCache(), hashed)
    for strategy in strategies:
        assert len(run(scenario, strategy, backend="memcached").reads) == 4


@pytest.mark.parametrize(("backend", "characters"), [("memcached", 246), ("db", 250), ("postgres", 250)])
def test_a_key_that_a_strategy_makes_too_long(tmp_path: Path, backend: str, characters: int) -> None:
    """Only the run can know: the line names the request. It is Django's error, too; a table would lose the entry."""
    with pytest.raises(RefusedKeyError) as caught:
        run(traced(tmp_path, "k" * characters), Versioning(), backend=backend)
    told = str(caught.value)
    assert isinstance(caught.value, InvalidCacheKey)
    assert told.startswith(f"backend {backend!r} refuses a key: ")
    assert "in Versioning.read(site, 'kkk" in told
    assert "s into the run" in told
    assert len(told) < 400
    assert told.isprintable()


@pytest.mark.parametrize("verb", ["run", "bench"])
def test_the_whole_plan_is_checked_first(tmp_path: Path, verb: str) -> None:
    """A refused key ends the command before any of its runs, on other backends or for real."""
    scenario = traced(tmp_path, "k" * 251)
    mine = tmp_path / "mine.py"
    mine.write_text(
        f"from cachewise import Scenario\nSCENARIO = Scenario('mine', trace={scenario.trace!r}, warmup_s=0)\n"
    )
    where = ["--backend", "locmem", "--backend", "memcached", "--strategy", "ttl-only"]
    told = refused(cli(verb, str(mine), *where, cwd=ROOT))
    assert "row 3: backend 'memcached' refuses key 'kkk" in told


def test_a_key_made_too_long_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    """Without Django's warnings, and with nothing else, from a worker process of the command, too."""
    scenario = traced(tmp_path, "k" * 250)
    target, own = "product_list", ["--set", "warmup_s=0", "--set", "writes_per_s=0", "--trace", str(scenario.trace)]
    where = ["--backend", "db", "--strategy", "ttl-only", "--strategy", "versioning", "--jobs", "2"]
    told = refused(cli("run", target, *own, *where, cwd=ROOT))
    assert "backend 'db' refuses a key: ':1:version:kkk" in told


OWN = """
from hashlib import md5
from django.core.cache.backends.memcached import PyMemcacheCache
class Hashed(PyMemcacheCache):
    def make_key(self, key, version=None):
        return super().make_key(md5(key.encode()).hexdigest(), version)
class Late(PyMemcacheCache):
    def __init__(self, server, params):
        super().__init__(server, params)
        self.before = "shop"
    def make_key(self, key, version=None):
        return self.before + super().make_key(key, version)
"""


@pytest.mark.parametrize(
    ("cls", "prefix", "told"),
    [
        ("django.core.cache.backends.memcached.PyMemcacheCache", "p" * 200, "script.csv: row 3: backend "),
        ("own_keys.Hashed", "", ""),
        ("own_keys.Late", "", "refuses a key: Cache key will cause errors if used with memcached: 'shop:1:kkk"),
    ],
)
def test_ones_own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cls: str, prefix: str, told: str) -> None:
    """A class of one's own makes its keys itself: with a prefix they may be too long, hashed they are not."""
    (tmp_path / "own_keys.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    entry = tmp_path / "own.toml"
    entry.write_text(f'BACKEND = "{cls}"\nKEY_PREFIX = "{prefix}"\n')
    scenario = traced(tmp_path, "k" * (50 if prefix else 246))
    if not told:
        assert run(scenario, TtlOnly(), backend=str(entry)).reads["hit"].tolist()[-1]
        return
    with pytest.raises(UserError) as caught:
        run(scenario, TtlOnly(), backend=str(entry))
    assert told in str(caught.value)
