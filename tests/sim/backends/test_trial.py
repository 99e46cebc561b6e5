"""A cache class of one's own on trial: it must work, keep the run's time, and reach for nobody's server."""

import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachewise import Row, Scenario, Site, UserError
from cachewise.sim.backends import Call, backend_named
from cachewise.strategies import TtlOnly
from tests.helpers import Custom, calls, run, script
from tests.sim.backends.test_own_backends import TRAFFIC


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder, the current one, whose modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


LAZY = {
    "lazy/__init__.py": "",
    "lazy/cache.py": """
        from django.core.cache.backends.base import BaseCache

        class Lazy(BaseCache):
            def __init__(self, _location, params):
                super().__init__(params)
                from lazy.store import Store
                self.store = Store()

            def set(self, key, value, timeout=300, version=None):
                from lazy.time_keeping import now
                self.store.put(key, value, now() + timeout)

            add = set

            def get(self, key, default=None, version=None):
                return self.store.look(key)

            def delete(self, key, version=None):
                self.store.put(key, None, 0)

            def clear(self):
                pass
    """,
    "lazy/store.py": """
        import time

        class Store:
            def __init__(self):
                self.kept = {}

            def put(self, key, value, until):
                self.kept[key] = value, until

            def look(self, key):
                value, until = self.kept.get(key, (None, 0))
                return value if until > time.time() else None
    """,
    "lazy/time_keeping.py": """
        from time import time as now
    """,
}


@pytest.fixture
def lazy(files: Path) -> Iterator[str]:
    """Give a backend whose store is imported only when it is needed."""
    for name, text in LAZY.items():
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(textwrap.dedent(text))
    (files / "lazy.toml").write_text('BACKEND = "lazy.cache.Lazy"')
    yield "./lazy.toml"
    for name in [one for one in sys.modules if one.partition(".")[0] == "lazy"]:
        del sys.modules[name]


def test_what_is_imported_late_keeps_the_runs_time_too(lazy: str) -> None:
    """The first run of a process is as good as the second."""
    once = Scenario("once", keys=1, reads_per_s=20, writes_per_s=0, duration_s=60, warmup_s=0)
    found = [run(once, TtlOnly(timeout=10), backend=lazy, seed=1) for _ in range(2)]
    assert found[0].summary["hit_ratio"] > 0.9
    assert found[0].reads.equals(found[1].reads)
    assert found[0].summary["db_reads"] == run(once, TtlOnly(timeout=10), seed=1).summary["db_reads"]


def test_a_class_that_stores_nothing_is_refused(files: Path) -> None:
    """What never gives back what was set cannot be measured; DummyCache says so by its name."""
    (files / "hollow.py").write_text(
        "from django.core.cache.backends.locmem import LocMemCache\n"
        "class Hollow(LocMemCache):\n    def get(self, *args, **kwargs): return None\n"
    )
    (files / "hollow.toml").write_text('BACKEND = "hollow.Hollow"')
    with pytest.raises(
        UserError, match=r"hollow.toml: an entry of Hollow that was stored for 1 s is not there at once"
    ):
        run(TRAFFIC, TtlOnly(), backend="./hollow.toml")
    (files / "dummy.toml").write_text('BACKEND = "django.core.cache.backends.dummy.DummyCache"')
    assert run(TRAFFIC, TtlOnly(), backend="./dummy.toml").summary["hits"] == 0


OWN_CLASSES = """
    import socket, time
    from contextlib import suppress
    from django.core.cache.backends.base import BaseCache
    from django.core.cache.backends.locmem import LocMemCache

    class TwoTiers(LocMemCache):
        '''A second tier somewhere, told by its OPTIONS.'''
        def __init__(self, location, params):
            self.second = params["OPTIONS"].pop("SECOND")
            super().__init__(location, params)

        def get(self, *args, **kwargs):
            with socket.create_connection(self.second, timeout=1):
                return super().get(*args, **kwargs)

    class Swallowing(LocMemCache):
        '''What it cannot send does not matter to it at first, or until somebody calls touch().'''
        def __init__(self, location, params):
            self.how, self.second = params["OPTIONS"]["HOW"], params["OPTIONS"]["SECOND"]
            super().__init__(location, params)

        def reach(self):
            ways = {
                "connect": lambda udp: udp.connect(tuple(self.second)),
                "sendto": lambda udp: udp.sendto(b"hits:1|c", tuple(self.second)),
                "sendmsg": lambda udp: udp.sendmsg([b"hits:1|c"], [], 0, tuple(self.second)),
                "gethostbyname": lambda udp: socket.gethostbyname(self.second[0]),
            }
            with suppress(Exception), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                ways[self.how](udp)

        def set(self, *args, **kwargs):
            if self.how in ("late", "never"):
                return LocMemCache.set(self, *args, **kwargs)
            self.reach()
            raise KeyError("nothing was sent")

        def get(self, *args, **kwargs):
            return LocMemCache.get(self, *args, **kwargs)

        def touch(self, *args, **kwargs):
            if self.how == "late":
                self.how = "sendto"
                self.reach()
            return super().touch(*args, **kwargs)

    class OtherTime(LocMemCache):
        '''It counts on a clock of its own.'''
        def _has_expired(self, key):
            return self._expire_info.get(key, 0) <= time.monotonic()

        def set(self, key, value, timeout):
            super().set(key, value, timeout)
            self._expire_info[self.make_key(key)] = time.monotonic() + 1000 * timeout

    class Plain(BaseCache):
        '''A dict, with a get_or_set of its own.'''
        def __init__(self, location, params):
            super().__init__(params)
            self.kept = {}

        def get(self, key, default=None, version=None):
            value, until_s = self.kept.get(key, (default, time.time() + 1))
            return value if until_s > time.time() else default

        def set(self, key, value, timeout, version=None):
            self.kept[key] = value, time.time() + timeout

        def add(self, key, value, timeout, version=None):
            raise NotImplementedError

        def delete(self, key, version=None):
            return self.kept.pop(key, None) is not None

        def clear(self):
            self.kept.clear()

        def get_or_set(self, key, default, timeout, version=None):
            value = self.get(key)
            if value is None:
                value = default()
                self.set(key, value, timeout)
            return value
"""


@pytest.fixture
def own_classes(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a module of cache classes."""
    (files / "own_classes.py").write_text(textwrap.dedent(OWN_CLASSES))
    monkeypatch.delitem(sys.modules, "own_classes", raising=False)
    return files


def test_a_cache_that_reaches_out_is_stopped(own_classes: Path) -> None:
    """A class that its OPTIONS send to somebody's server never connects to it: the run ends with one line."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.settimeout(0.5)
        host, port = theirs.getsockname()
        (own_classes / "tiers.toml").write_text(
            f'BACKEND = "own_classes.TwoTiers"\n[OPTIONS]\nSECOND = ["{host}", {port}]\n'
        )
        with pytest.raises(UserError, match=r"tiers.toml: its cache wants to connect to .*never talks to a server"):
            run(TRAFFIC, TtlOnly(), backend="./tiers.toml")
        with pytest.raises(TimeoutError):
            theirs.accept()
        socket.create_connection((host, port), timeout=1).close()  # outside a run nobody is stopped


def touching(site: Site, key: str) -> Row:
    """Touch a key that may be there."""
    site.cache.touch(key)
    return Row(key, 0, b"")


@pytest.mark.parametrize("how", ["connect", "sendto", "sendmsg", "gethostbyname", "late", "never"])
def test_what_a_cache_reaches_for_is_told_first(own_classes: Path, how: str) -> None:
    """A class that lives without what it was refused, or fails of it in its own way, is stopped all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.setblocking(False)  # noqa: FBT003 - the socket module's own
        second = list(theirs.getsockname())
        options = f"[OPTIONS]\nHOW = {how!r}\nSECOND = {second}\n"
        (own_classes / "counted.toml").write_text(f'BACKEND = "own_classes.Swallowing"\n{options}')
        if how == "never":
            run(TRAFFIC, Custom(touching), backend="./counted.toml")
        else:
            with pytest.raises(UserError, match=r"^./counted.toml: its cache wants to connect to .*never talks to"):
                run(TRAFFIC, Custom(touching), backend="./counted.toml")
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


@pytest.mark.parametrize("forgiving", [False, True])
def test_a_module_that_connects_when_it_is_imported_is_stopped(
    files: Path, monkeypatch: pytest.MonkeyPatch, *, forgiving: bool
) -> None:
    """A class's module never reaches anybody, before any run; nor does it if its KEY_FUNCTION is what imports it."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.setblocking(False)  # noqa: FBT003 - the socket module's own
        caught = "Exception" if forgiving else "()"
        (files / "early_caches.py").write_text(
            "import socket\nfrom django.core.cache.backends.locmem import LocMemCache as Own\n"
            f"try: socket.create_connection({theirs.getsockname()})\nexcept {caught}: pass\nkey = str\n"
        )
        for more in ("", 'KEY_FUNCTION = "early_caches.key"'):
            monkeypatch.delitem(sys.modules, "early_caches", raising=False)
            (files / "early.toml").write_text(f'BACKEND = "early_caches.Own"\n{more}')
            with pytest.raises(UserError, match=r"^./early.toml: its cache wants to connect to .*never talks to"):
                backend_named("./early.toml")
        with pytest.raises(BlockingIOError):
            theirs.accept()


def test_a_cache_on_another_clock_is_refused(own_classes: Path) -> None:
    """A class whose entries do not expire on the run's time would give wrong figures: it is refused."""
    (own_classes / "clock.toml").write_text('BACKEND = "own_classes.OtherTime"')
    with pytest.raises(UserError, match=r"clock.toml: an entry of OtherTime with a timeout of 1 s is still there"):
        run(TRAFFIC, TtlOnly(), backend="./clock.toml")


def test_the_load_within_get_or_set_is_no_round_trip(own_classes: Path) -> None:
    """In a class's own get_or_set each call of the cache takes its time, and a load between them its own."""
    (own_classes / "plain.toml").write_text('BACKEND = "own_classes.Plain"')
    log: list[Call] = []

    def read(site: Site, key: str) -> Row:
        if key != "load":
            return Row(key, 0, b"")
        found: Row = site.cache.get_or_set(key, lambda: site.db.read(key), 60)
        return found

    steps = [(0.0, "read", "start"), (0.5, "read", "load"), (9.5, "read", "end")]
    scenario = script(own_classes, steps, cache_rtt_s=0.5, db_read_s=2)
    run(scenario, Custom(read), backend="./plain.toml", log=log)
    assert calls(log) == [(0.75, "get", "load"), (3.25, "set", "load")]
