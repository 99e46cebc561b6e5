"""Races: one call is one instant at the store, and between two of them other requests do what they like."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cachewise import Site
from tests.helpers import ONE_STORE, STORING, Body, within


@pytest.mark.parametrize("backend", STORING)
def test_composite_calls_can_be_interleaved(tmp_path: Path, backend: str) -> None:
    """Two overlapping `get_or_set` both load, and both return what stays: the first one's, but on file the second's."""
    loaded, found = [], []

    def request(name: str) -> Body:
        def body(site: Site) -> None:
            def load() -> str:
                loaded.append(name)
                site.db.read(name)
                return name

            found.append((name, site.cache.get_or_set("k", load)))

        return body

    within(tmp_path, backend, (0.5, request("a")), (0.75, request("b")), cache_rtt_s=1.0, db_read_s=4.0)
    assert loaded == ["a", "b"]
    assert [value for _, value in found] == (["b", "b"] if backend == "file" else ["a", "a"])


@pytest.mark.parametrize(("backend", "winners"), [("shared", 1), ("file", 2), ("db", 1)])
def test_the_file_backends_add_lets_two_callers_through(tmp_path: Path, backend: str, winners: int) -> None:
    """`add` is has_key then set on the file backend: two callers both get True, as they do in Django."""
    won: list[bool] = []
    bodies = [(at_s, lambda site: won.append(site.cache.add("lock", 1))) for at_s in (0.5, 0.75)]
    within(tmp_path, backend, *bodies, cache_rtt_s=1.0)
    assert won.count(True) == winners


@pytest.mark.parametrize(("backend", "total"), [("shared", 2), ("file", 1), ("db", 1)])
def test_incr_loses_updates_where_it_is_a_get_and_a_set(tmp_path: Path, backend: str, total: int) -> None:
    """Two overlapping `incr` count twice on LocMem and once on the file and database backends."""
    found: list[int] = []
    bodies: list[tuple[float, Body]] = [(0.5, lambda s: s.cache.set("n", 0))]
    bodies += [(at_s, lambda site: site.cache.incr("n")) for at_s in (2.5, 2.75)]
    bodies.append((9.5, lambda site: found.append(site.cache.get("n"))))
    within(tmp_path, backend, *bodies, cache_rtt_s=1.0)
    assert found == [total]


@pytest.mark.parametrize("backend", ONE_STORE)
def test_an_expired_get_deletes_nothing_that_was_set_in_between(tmp_path: Path, backend: str) -> None:
    """A get that finds an expired entry throws it out at that instant: what is set right after it stays."""
    found: list[Any] = []
    bodies: list[tuple[float, Body]] = [
        (0.5, lambda s: s.cache.set("k", "old", 5)),
        (9.4, lambda s: found.append(s.cache.get("k"))),
        (9.5, lambda s: s.cache.set("k", "new", 5)),
        (11.5, lambda s: found.append(s.cache.get("k"))),
    ]
    within(tmp_path, backend, *bodies, cache_rtt_s=0.5)
    assert found == [None, "new"]


@pytest.mark.parametrize("backend", STORING)
def test_cache_calls_stand_outside_transactions(tmp_path: Path, backend: str) -> None:
    """Inside `atomic` a set is seen by others at once, survives the rollback, and takes no database connection."""
    found: list[Any] = []

    def write(site: Site) -> None:
        with suppress(ZeroDivisionError), site.db.atomic():
            site.db.write("a")
            site.cache.set("k", "set in the transaction")
            site.db.read("a")
            raise ZeroDivisionError

    def look(site: Site) -> None:
        found.append((site.time(), site.cache.get("k")))

    within(tmp_path, backend, (0.5, write), (2.5, look), (9.5, look), db_read_s=5, db_connections=1)
    assert found == [(2.5, "set in the transaction"), (9.5, "set in the transaction")]
