"""Cache classes of one's own for real: what their entry says counts in every process; no server but ours is met."""

import json
import socket
import sys
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cachewise import Row, Site, UserError
from cachewise.scenarios.wall_check import SCENARIO
from cachewise.sim.verdict.result import Run
from cachewise.sim.wall.run import Around
from cachewise.sim.wall.verify import verify_all
from cachewise.strategies import DeleteOnWrite, TtlOnly
from tests.helpers import MANY_KEYS, cli, run
from tests.sim.backends.test_own_backends import EXAMPLES
from tests.sim.wall.tools import BRIEF, Plain, assert_predicted, real

TWO = replace(BRIEF, workers=2, writes_per_s=5)

QUIET = 36  # a seed whose traffic leaves the stale-set race no room

SHOP = """
    import socket
    from contextlib import suppress
    from threading import Thread
    from django.core.cache.backends.locmem import LocMemCache

    class Elsewhere(LocMemCache):
        '''A second tier somewhere, told by its OPTIONS.'''
        def __init__(self, location, params):
            self.second = params["OPTIONS"].pop("SECOND")
            super().__init__(location, params)

        def reach(self):
            socket.create_connection(self.second, timeout=1).close()

        def get(self, *args, **kwargs):
            self.reach()
            return super().get(*args, **kwargs)

    class InThread(Elsewhere):
        def reach(self):
            thread = Thread(target=super().reach)
            thread.start()
            thread.join()

    class Forgiving(Elsewhere):
        def reach(self):
            with suppress(Exception):
                super().reach()

    class Failing(Forgiving):
        def get(self, *args, **kwargs):
            super().get(*args, **kwargs)
            raise KeyError("the second tier")

    class Timeless(LocMemCache):
        def _has_expired(self, key):
            return False

    LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
    REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:6379/0"}
    CACHES = {
        "default": {"BACKEND": LOCMEM},
        "keys": {
            "BACKEND": LOCMEM,
            "TIMEOUT": 60,
            "KEY_PREFIX": "shop",
            "VERSION": 3,
            "KEY_FUNCTION": lambda key, prefix, version: f"{prefix}/{version}/{key}",
        },
        "redis": {**REDIS, "KEY_PREFIX": "shop", "OPTIONS": {"db": 3, "password": "secret"}},
    }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder, the current one, with the guide's examples and a settings module in it."""
    for name, text in EXAMPLES.items():
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "real_shop.py").write_text(textwrap.dedent(SHOP))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "real_shop", raising=False)
    return tmp_path


@pytest.mark.servers
@pytest.mark.parametrize("name", [*(f"./{name}.toml" for name in EXAMPLES), "settings:real_shop:redis"])
def test_they_run_for_real(name: str) -> None:
    """What one process has stored another one finds and deletes; round trips come out as simulated."""
    scenario = replace(TWO, warmup_s=1.0, duration_s=1.5)
    ours, theirs = (one(scenario, DeleteOnWrite(60), backend=name, seed=QUIET) for one in (real, run))
    assert not ours.errors
    assert ours.summary["hit_ratio"] > 0.5
    assert ours.summary["stale_ratio"] < 0.1, "with a store each, half of the reads would be outdated"
    assert ours.summary["cache_calls_per_request"] == pytest.approx(theirs.summary["cache_calls_per_request"], abs=0.2)
    assert ours.summary["entries_end"] == pytest.approx(theirs.summary["entries_end"], abs=2)


def test_nothing_is_written_soon_after_it_was_loaded() -> None:
    """With that seed the stale-set race has no room in the traffic above: what is outdated is a fault."""
    whole = replace(TWO, warmup_s=0, duration_s=2.5)
    result = run(whole, DeleteOnWrite(60), backend="shared", seed=QUIET)
    loads = result.reads[~result.reads["hit"]]
    both = loads.merge(result.writes, on="key", suffixes=("_load", "_write"))
    gaps_s = both["arrival_s_write"] - both["arrival_s_load"]
    assert len(result.writes) > 5
    assert gaps_s[gaps_s > 0].min() > 0.4


PEEKING = """
    from contextlib import suppress
    from django.core.cache import caches
    from django.core.cache.backends.locmem import LocMemCache

    with suppress(Exception):
        caches["sessions"].get("k")

    class Forgetful(LocMemCache):
        def get(self, key, default=None, version=None):
            super().get(key, default, version)
            return default
"""


def test_what_is_measured_is_the_cache_that_was_named(folder: Path) -> None:
    """Though its module asks Django for a cache when it is imported: then Django has read the settings before."""
    (folder / "peeking.py").write_text(textwrap.dedent(PEEKING))
    (folder / "peeking.toml").write_text('BACKEND = "peeking.Forgetful"\n')
    found = real(BRIEF, TtlOnly(60), backend="./peeking.toml").summary
    assert found["hit_ratio"] == 0
    assert found["cache_calls_per_request"] > 1


def test_the_real_limits_show_for_real() -> None:
    """A settings entry without OPTIONS culls at Django's 300, as the same class of cachewise's does, unless it is told.

    What that has cost is counted.
    """
    many = replace(BRIEF, keys=20_000, reads_per_s=800, writes_per_s=0, db_read_s=0, warmup_s=0)
    for backend in ("settings:real_shop", "locmem"):
        found = real(many, TtlOnly(60), backend=backend).summary
        assert 200 <= found["entries_end"] <= 300
        assert found["entries_culled"] >= 100
        assert found["entries_culled"] % 100 == 0
    found = real(replace(many, max_entries=None), TtlOnly(60)).summary
    assert found["entries_end"] > 400
    assert found["entries_culled"] == 0


@dataclass(frozen=True)
class Keyed(Plain):
    """Fails where the cache's keys are not those of the settings' entry called "keys"."""

    def read(self, site: Site, key: str) -> Row:
        """Look at the cache's key, version and timeout."""
        if (site.cache.make_key("k"), site.cache.version, site.cache.default_timeout) != ("shop/3/k", 3, 60):
            raise LookupError(site.cache.make_key("k"))
        return site.db.read(key)


def test_keys_and_timeouts_are_those_of_the_entry() -> None:
    """KEY_FUNCTION (a lambda, which no pickle holds), KEY_PREFIX, VERSION and TIMEOUT count in a worker process."""
    reads = replace(BRIEF, writes_per_s=0)
    assert not real(reads, Keyed(), backend="settings:real_shop:keys").errors
    assert set(real(reads, Keyed(), backend="settings:real_shop").errors) == {"LookupError"}


@dataclass(frozen=True)
class AsItIs(Plain):
    """Fails where pylibmc's client is not its own, or does not wait for as long as it waits by itself."""

    def read(self, site: Site, key: str) -> Row:
        """Look at the client behind the cache."""
        client = getattr(site.cache, "_cache")  # noqa: B009 - what memcached's classes have, and no other
        if type(client).__module__ != "pylibmc.client" or client.behaviors["_poll_timeout"] < 5000:
            raise LookupError(type(client).__qualname__)
        return site.db.read(key)


@pytest.mark.servers
def test_a_client_is_as_patient_as_for_real() -> None:
    """Only a simulation stops pylibmc's client short where it waits in vain: a real run has the client as it is."""
    assert not real(replace(BRIEF, writes_per_s=0), AsItIs(), backend="./pylibmc.toml").errors


@pytest.mark.parametrize("name", ["Elsewhere", "InThread", "Forgiving", "Failing"])
def test_a_worker_never_reaches_out(folder: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A class that turns to somebody's server is stopped, also in a thread of its own: the run ends with one line."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.settimeout(0.5)
        second = json.dumps(theirs.getsockname())
        (folder / "elsewhere.toml").write_text(f'BACKEND = "real_shop.{name}"\n[OPTIONS]\nSECOND = {second}\n')
        with pytest.raises(UserError, match=r"^./elsewhere.toml: its cache wants to connect to .*talks to a server"):
            real(BRIEF, TtlOnly(60), backend="./elsewhere.toml")
        with pytest.raises(TimeoutError):
            theirs.accept()
    assert capfd.readouterr() == ("", "")


def test_bench_takes_them_as_run_does(folder: Path) -> None:
    """Files and settings modules are backends of `bench` beside the named ones, with their own TIMEOUT."""
    done = cli(
        *("bench", "wall_check", "--strategy", "ttl-only", "--database", "sqlite", "--format", "json"),
        *("--set", "warmup_s=0.2", "--duration", "0.5", "--backend", "locmem", *MANY_KEYS),
        *("--backend-settings", "diskcache.toml", "--settings", "real_shop:keys"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found = {row["backend"]: (row["strategy"], row["errors"]) for row in json.loads(done.stdout)}
    assert found == {
        "locmem": ("ttl-only:timeout=3", 0),
        "diskcache.toml": ("ttl-only:timeout=120", 0),
        "settings:real_shop:keys": ("ttl-only:timeout=60", 0),
    }


def test_verify_says_whose_timeout_it_was(folder: Path) -> None:
    """A TIMEOUT in the entry goes before the scenario's, and verify says so; --timeout goes before both."""
    short = ["--set", "warmup_s=0", "--duration", "0.5", "--seeds", "3", "--database", "sqlite"]
    verify = ["verify", *short, "--strategy", "ttl-only", "--settings", "real_shop:keys"]
    said = "the timeout of 60 is the TIMEOUT of `settings:real_shop:keys`, which goes before the scenario's own 3"
    told = cli(*verify, "--format", "markdown", cwd=folder).stdout
    assert said in told
    assert "TIMEOUT" not in cli(*verify, "--timeout", "2", "--format", "markdown", cwd=folder).stdout


@pytest.mark.servers
def test_verify_holds_them_against_their_simulation() -> None:
    """A few real seconds on diskcache come out as simulated on it."""
    short = replace(SCENARIO, warmup_s=1, duration_s=3)
    runs = [Run(short, TtlOnly(3), "./diskcache.toml", seed) for seed in (1, 2)]
    assert_predicted(verify_all(runs, Around("postgres")))


def test_verify_says_first_what_cannot_be_simulated(folder: Path) -> None:
    """A class that works for real but keeps time in its own way is refused before half an hour of real runs."""
    (folder / "timeless.toml").write_text('BACKEND = "real_shop.Timeless"\n')
    done: list[Run] = []
    runs = [Run(SCENARIO, TtlOnly(3), "./timeless.toml", seed) for seed in (1, 2)]
    with pytest.raises(UserError, match="still there"):
        verify_all(runs, Around("sqlite"), done.append)
    assert done == []


def test_what_cannot_be_used_is_one_line(folder: Path) -> None:
    """A class that fails is said with its file, before any traffic."""
    (folder / "broken.toml").write_text('BACKEND = "real_shop.Elsewhere"\n')
    with pytest.raises(UserError, match=r"^./broken.toml: Elsewhere cannot be used: KeyError: 'SECOND'"):
        real(BRIEF, TtlOnly(60), backend="./broken.toml")
