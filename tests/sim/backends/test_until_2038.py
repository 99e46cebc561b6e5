"""Memcached cannot tell an instant past 2038 from the past: a private one loses what a real one of today loses."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pymemcache.client.base import Client

from cachewise import Row, Site
from cachewise.sim.backends.until_2038 import LAST_S, TODAY_S
from tests.helpers import SERVERS, Custom, run, script

LONGEST_S = LAST_S - TODAY_S  # what may still be asked for at a run's very begin
YEAR_S = 365 * 86_400
PYLIBMC = 'BACKEND = "django.core.cache.backends.memcached.PyLibMCCache"\n'
CLIENTS = pytest.mark.parametrize("backend", ["memcached", "pylibmc"])


@pytest.mark.servers
@pytest.mark.parametrize("verb", ["set", "add", "touch"])
def test_what_a_real_server_does(verb: str) -> None:
    """On the real clock it keeps what expires at the last second of 32 bits, and loses what does one later."""
    server = SERVERS.start("memcached", virtual=False)
    with closing(Client(server.location, default_noreply=False)) as client:
        kept = []
        for until_s in (LAST_S, LAST_S + 1, LAST_S + YEAR_S):
            client.delete("k")
            if verb == "touch":
                assert client.set("k", "1")
                assert client.touch("k", until_s)
            else:
                assert getattr(client, verb)("k", "1", until_s)
            kept.append(client.get("k") is not None)
    assert kept == [True, False, False]


def kept(tmp_path: Path, backend: str, *timeouts: float | None) -> list[tuple[float, bool]]:
    """Store and touch with each timeout at once and a thousand seconds into a run; return what is there then."""
    (tmp_path / "pylibmc.toml").write_text(PYLIBMC)
    found: list[tuple[float, bool]] = []

    def read(site: Site, key: str) -> Row:
        if key != "start":
            for number, timeout in enumerate(timeouts):
                site.cache.set(f"set{number}", 1, timeout)
                added = site.cache.add(f"{key}-add{number}", 1, timeout)
                site.cache.set_many(data={f"many{number}": 1}, timeout=timeout)
                site.cache.set(f"touched{number}", 1, None)
                site.cache.touch(f"touched{number}", timeout)
                names = [f"set{number}", f"{key}-add{number}", f"many{number}", f"touched{number}"]
                there = [site.cache.get(one) for one in names]
                assert added
                assert len(set(there)) == 1
                found.append((timeout, there[0] == 1))  # type: ignore[arg-type]
        return Row(key, 0, b"")

    steps = [(0.0, "read", "start"), (0.5, "read", "a"), (1000.5, "read", "b")]
    where = str(tmp_path / "pylibmc.toml") if backend == "pylibmc" else backend
    run(script(tmp_path, steps), Custom(read), backend=where)
    return found


@pytest.mark.servers
@CLIENTS
def test_what_expires_past_2038_is_lost_at_once(tmp_path: Path, backend: str) -> None:
    """To the second, counted from the day that every run begins on; the limit comes nearer as the run goes on."""
    timeouts: list[Any] = [None, YEAR_S, LONGEST_S - 1000, LONGEST_S, LONGEST_S + 1, 15 * YEAR_S, 60 * YEAR_S]
    found = kept(tmp_path, backend, *timeouts)
    at_first, later = dict(found[: len(timeouts)]), dict(found[len(timeouts) :])
    assert at_first == {one: one is None or one <= LONGEST_S for one in timeouts}
    assert later == {one: one is None or one <= LONGEST_S - 1000 for one in timeouts}


@pytest.mark.servers
@CLIENTS
def test_how_old_the_server_is_changes_nothing(tmp_path: Path, backend: str) -> None:
    """A private server is used for many runs, each later by its own clock than the one before."""
    timeouts = [LONGEST_S, LONGEST_S + 1]
    first = kept(tmp_path, backend, *timeouts)
    long = script(tmp_path, [(0.0, "read", "a"), (999_999.5, "read", "b")])
    run(long, Custom(), backend="memcached")
    assert kept(tmp_path, backend, *timeouts) == first


@pytest.mark.servers
def test_others_keep_it(tmp_path: Path) -> None:
    """Redis and the rest have no such limit."""
    for backend in ("shared", "file", "redis"):
        assert {there for _, there in kept(tmp_path, backend, LONGEST_S + 1, 60 * YEAR_S)} == {True}
