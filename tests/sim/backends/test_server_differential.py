"""The servers against their rule book: whole runs agree read for read, and every rule is needed for that.

PostgreSQL keeps the rules of any database, which `tests.sim.backends.rule_book` has.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cachewise import Row, Site
from cachewise.strategies import STRATEGIES, TtlOnly
from tests.helpers import Custom, run, script
from tests.sim.backends.conftest import Open
from tests.sim.backends.rule_book import RULES
from tests.sim.backends.server_book import DAYS_30_S, SERVER_RULES
from tests.sim.backends.test_differential import CROWDED, EQUAL, WRITTEN, unexplained
from tests.strategies.test_conformance import made

BRIEF = EQUAL.with_settings({"duration_s": "15"})
BRIEFLY_WRITTEN = WRITTEN.with_settings({"duration_s": "15"})
OF_ALL = [name for name in STRATEGIES if name != "delete-pattern"]  # which django-redis alone has
COMPOSITE = ["ttl-only", "versioning", "get-or-set", "incr-version", "namespace-version"]
MATRIX = [
    *(("redis", name) for name in OF_ALL),
    *(("memcached", name) for name in OF_ALL),
    *(("django-redis", name) for name in COMPOSITE),
]


@pytest.mark.parametrize(("backend", "name"), MATRIX)
def test_every_difference_is_a_rule(name: str, backend: str, on_rules: Open) -> None:
    """Under every strategy the rule book with a server's rules gives that server's reads, all of them."""
    rules = SERVER_RULES[backend]
    found = unexplained(BRIEF, made(name, 2.5), backend, rules, on_rules, entries=not rules.reclaims)
    assert found == 0


@pytest.mark.parametrize("backend", SERVER_RULES)
def test_every_difference_of_short_timeouts_is_a_rule(backend: str, on_rules: Open) -> None:
    """Where a timeout is below a second, what is left of it after cutting decides everything."""
    rules = SERVER_RULES[backend]
    strategy = made("get-or-set", 0.9)
    assert unexplained(BRIEF, strategy, backend, rules, on_rules, entries=not rules.reclaims) == 0


@pytest.mark.servers
@pytest.mark.parametrize("name", ["ttl-only", "versioning", "get-or-set"])
def test_postgres_keeps_the_rules_of_a_database(name: str, on_rules: Open) -> None:
    """DatabaseCache on PostgreSQL gives the reads of the rule book for SQLite."""
    backend = "postgres"
    assert unexplained(BRIEF, made(name, 2.5), backend, RULES["db"], on_rules) == 0


@pytest.mark.servers
def test_postgres_culls_as_a_database_does(on_rules: Open) -> None:
    """So does it where entries are thrown away."""
    assert unexplained(CROWDED, made("ttl-only", 2.5), "postgres", RULES["db"], on_rules) == 0


@pytest.mark.parametrize(
    ("backend", "name", "timeout", "off"),
    [
        ("redis", "ttl-only", 2.5, {"whole_seconds": False}),
        ("redis", "versioning", 2.5, {"incr_is_two_calls": False}),
        ("redis", "get-or-set", 0.9, {"no_time": "adds nothing"}),
        ("memcached", "ttl-only", 2.5, {"tick_ms": 1}),
        ("memcached", "ttl-only", 2.5, {"whole_seconds": False}),
        ("memcached", "ttl-only", 2.5, {"dead_at_the_instant": False}),
        ("memcached", "get-or-set", 0.9, {"no_time": "adds, then removes it"}),
        ("django-redis", "ttl-only", 2.5, {"whole_seconds": True}),
        ("django-redis", "versioning", 2.5, {"incr_is_two_calls": True}),
        ("django-redis", "incr-version", 2.5, {"incr_version_keeps": False}),
    ],
)
def test_no_rule_is_idle(backend: str, name: str, timeout: float, off: dict[str, Any], on_rules: Open) -> None:
    """With one of its rules switched, the rule book no longer explains the server: the comparison can fail."""
    rules = replace(SERVER_RULES[backend], **off)
    scenario = BRIEFLY_WRITTEN if name in ("versioning", "incr-version") else BRIEF
    assert unexplained(scenario, made(name, timeout), backend, rules, on_rules, entries=False) > 10


@pytest.mark.parametrize("backend", ["redis", "django-redis"])
def test_reads_within_the_millisecond_tell_it_apart(tmp_path: Path, backend: str, on_rules: Open) -> None:
    """An entry is there for all of its last millisecond: a finer clock, or one that ends at the instant, differs."""
    scenario = script(tmp_path, [(round(nth * 1.0005, 4), "read", "k") for nth in range(100)])
    rules = SERVER_RULES[backend]
    assert unexplained(scenario, TtlOnly(timeout=1), backend, rules, on_rules) == 0
    for off in ({"tick_ms": 0.001}, {"dead_at_the_instant": True}):
        assert unexplained(scenario, TtlOnly(timeout=1), backend, replace(rules, **off), on_rules) > 10


# What a call returns on each server, 0.25 s into a second, in corner cases that traffic seldom hits.
def _boundary(site: Site) -> Any:
    return site.cache.get("ten"), "ten" in site.cache


def _late_add(site: Site) -> Any:
    return site.cache.add("ten", "new"), site.cache.get("ten")


def _late_touch(site: Site) -> Any:
    return site.cache.touch("ten", 10), site.cache.get("ten")


def _late_move(site: Site) -> Any:
    return site.cache.incr_version("ten"), site.cache.get("ten", version=2)


ALIVE, DEAD = ("v", True), (None, False)
MOVED, LOST = (2, "v"), (2, None)
CORNERS = [
    ("a moment before", 9.99, 10, _boundary, (ALIVE, ALIVE, ALIVE)),
    ("its second on memcached", 10.0, 10, _boundary, (ALIVE, DEAD, ALIVE)),
    ("at the instant", 10.25, 10, _boundary, (ALIVE, DEAD, ALIVE)),
    ("within its millisecond", 10.2505, 10, _boundary, (ALIVE, DEAD, ALIVE)),
    ("a millisecond later", 10.251, 10, _boundary, (DEAD, DEAD, DEAD)),
    ("less than a second", 0.5, 0.9, _boundary, (DEAD, DEAD, ALIVE)),
    ("a fraction", 1.5, 1.9, _boundary, (DEAD, DEAD, ALIVE)),
    ("add after expiry", 10.5, 10, _late_add, ((True, "new"),) * 3),
    ("touch after expiry", 10.5, 10, _late_touch, ((False, None),) * 3),
    ("moved half a second before", 9.75, 10, _late_move, (MOVED, MOVED, MOVED)),
    ("moved later than that", 9.751, 10, _late_move, (MOVED, MOVED, LOST)),
]


@pytest.mark.parametrize("backend", SERVER_RULES)
@pytest.mark.parametrize(
    ("at_s", "timeout", "look", "expected"), [row[1:] for row in CORNERS], ids=[row[0] for row in CORNERS]
)
def test_corners(
    tmp_path: Path, backend: str, at_s: float, timeout: float, look: Any, expected: Any, on_rules: Open
) -> None:
    """The corner cases, on the server and in the rule book."""
    wanted = expected[list(SERVER_RULES).index(backend)]
    assert looked(tmp_path, backend, at_s, timeout, look) == wanted
    assert looked(tmp_path, on_rules(SERVER_RULES[backend]), at_s, timeout, look) == wanted


@pytest.mark.servers
def test_beyond_30_days_memcached_is_sent_an_instant(tmp_path: Path, on_rules: Open) -> None:
    """Sent at 0.25 and stored at 1.25, it is gone 30 days and a second after the application's second, not its own."""
    timeout = DAYS_30_S + 1
    rules = SERVER_RULES["memcached"]
    found = [
        looked(tmp_path, where, DAYS_30_S + 0.25, timeout, _boundary, cache_rtt_s=2)
        for where in ("memcached", on_rules(rules))
    ]
    assert found == [DEAD, DEAD]
    relative = on_rules(replace(rules, absolute_beyond_30_days=False))
    assert looked(tmp_path, relative, DAYS_30_S + 0.25, timeout, _boundary, cache_rtt_s=2)[0] == "v"


def looked(tmp_path: Path, where: str, at_s: float, timeout: float, look: Any, **settings: Any) -> Any:
    """Return what *look* finds at *at_s*, of a value stored at 0.25 with *timeout*."""
    found = []

    def read(site: Site, key: str) -> Row:
        if key == "set":
            site.cache.set("ten", "v", timeout)
        elif key == "look":
            found.append(look(site))
        return Row(key, 0, b"")

    steps = [(0.0, "read", "start"), (0.25, "read", "set"), (at_s, "read", "look")]
    run(script(tmp_path, steps, **{"duration_s": 1e8, **settings}), Custom(read), backend=where)
    return found[0]


@pytest.mark.servers
def test_a_server_in_use_again_counts_no_entries_of_the_run_before() -> None:
    """What an earlier run has left on memcached, which a flush only marks, is not among the next one's entries."""
    strategies = [made(name, 2.5) for name in ("ttl-only", "namespace-version", "ttl-only")]
    before, _, after = (run(BRIEF, one, backend="memcached", seed=5).summary["entries_end"] for one in strategies)
    assert before == after
