"""The backends against each other: they agree read for read, or a named rule of the catalogue tells them apart.

`rule_book.py` is a cache written from these rules. With a backend's rules on, whole runs on it give that
backend's records to the byte, so every difference between two backends is the work of the rules in which they differ;
with a rule off, differences appear that nothing explains.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cachewise import Row, Scenario, Site
from cachewise.strategies import STRATEGIES, TtlOnly
from tests.helpers import Custom, run, script
from tests.sim.backends.conftest import Open
from tests.sim.backends.rule_book import RULES
from tests.strategies.test_conformance import made

EQUAL = Scenario(
    "equal latencies",
    keys=12,
    reads_per_s=60,
    writes_per_s=5,
    duration_s=30,
    warmup_s=0,
    cache_rtt_s="exponential:0.004",
    db_read_s="lognormal:0.02:0.8",
    db_commit_s="exponential:0.01",
    transaction_tail_s="exponential:0.05",
    max_entries=None,  # what culls is not compared here but in CROWDED
    workers=2,
    threads=4,
)
ONE_STORE = ("shared", "file", "db")  # of the embedded ones
CROWDED = EQUAL.with_settings({"max_entries": "8", "cull_frequency": "3"})
WRITTEN = EQUAL.with_settings({"keys": "3", "writes_per_s": "40", "cache_rtt_s": "0.02"})


def unexplained(
    scenario: Scenario, strategy: Any, backend: str, rules: Any, on_rules: Open, *, entries: bool = True
) -> int:
    """Return how many reads differ between *backend* and the rule book under *rules*, and perhaps what is left."""
    real = run(scenario, strategy, backend=backend, seed=5)
    model = run(scenario, strategy, backend=on_rules(rules), seed=5)
    pd.testing.assert_frame_equal(
        real.reads[["arrival_s", "key", "worker"]], model.reads[["arrival_s", "key", "worker"]]
    )
    different = ~((real.reads == model.reads) | (real.reads.isna() & model.reads.isna())).all(axis=1)
    left = entries and real.summary["entries_end"] != model.summary["entries_end"]
    return int(different.sum()) + int(left)


@pytest.mark.parametrize("backend", ONE_STORE)
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_difference_is_a_rule(name: str, backend: str, on_rules: Open) -> None:
    """Under every strategy the rule book with a backend's rules gives that backend's reads, all of them."""
    assert unexplained(EQUAL, made(name, 2.5), backend, RULES[backend], on_rules) == 0


@pytest.mark.parametrize("name", ["ttl-only", "versioning", "get-or-set", "incr-version"])
def test_locmem_with_one_worker_is_shared(name: str, on_rules: Open) -> None:
    """With a single worker process LocMem keeps the rules of the store that all workers share."""
    alone = EQUAL.with_settings({"workers": "1"})
    assert unexplained(alone, made(name, 2.5), "locmem", RULES["shared"], on_rules) == 0


@pytest.mark.parametrize("backend", ONE_STORE)
@pytest.mark.parametrize("name", ["ttl-only", "write-through", "versioning", "get-or-set", "incr-version"])
def test_every_cull_is_a_rule(name: str, backend: str, on_rules: Open) -> None:
    """Which entries are thrown away when there are too many is a rule, too."""
    assert unexplained(CROWDED, made(name, 2.5), backend, RULES[backend], on_rules) == 0


@pytest.mark.parametrize(
    ("backend", "name", "scenario", "off"),
    [
        ("db", "ttl-only", EQUAL, {"whole_seconds": False}),
        ("db", "versioning", WRITTEN, {"incr_is_two_calls": False}),
        ("file", "versioning", WRITTEN, {"incr_is_two_calls": False}),
        ("file", "get-or-set", EQUAL, {"add_is_two_calls": False}),
        ("shared", "ttl-only", CROWDED, {"cull": None}),
        ("file", "ttl-only", CROWDED, {"cull": RULES["db"].cull}),
        ("db", "ttl-only", CROWDED, {"cull": RULES["shared"].cull}),
        ("db", "get-or-set", CROWDED, {"refusals_cull": False}),
    ],
)
def test_no_rule_is_idle(backend: str, name: str, scenario: Scenario, off: dict[str, Any], on_rules: Open) -> None:
    """With one of its rules switched off, the rule book no longer explains the backend: the comparison can fail."""
    assert unexplained(scenario, made(name, 2.5), backend, replace(RULES[backend], **off), on_rules) > 10


# Strategies that use no composite call whose parts differ: add (of get-or-set), incr (of versioning).
SAME_CALLS = [name for name in STRATEGIES if name not in ("get-or-set", "versioning", "namespace-version")]


@pytest.mark.parametrize("name", SAME_CALLS)
def test_without_expiry_and_limits_the_backends_agree(name: str) -> None:
    """Nothing expires and nothing is culled: shared, file and db give the same reads, to the byte."""
    frames = [run(EQUAL, made(name, None), backend=backend, seed=5).reads for backend in ONE_STORE]
    for other in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], other, check_exact=True)


# What a call returns on shared, file and db in corner cases that traffic seldom hits.
def _boundary(site: Site) -> Any:
    return site.cache.get("ten"), "ten" in site.cache


def _late_add(site: Site) -> Any:
    return site.cache.add("ten", "new"), site.cache.get("ten")


def _revive(site: Site) -> Any:
    try:
        return site.cache.touch("ten", 10), site.cache.get("ten")
    except ValueError:
        return "ValueError"


CORNERS = [
    # set at 0.25 for 9.75 s: it expires at exactly 10 s
    ("at the instant", 10.0, 9.75, _boundary, {"shared": (None, False), "file": ("v", True), "db": ("v", False)}),
    # set at 0.25 for 10 s: until 10.25, on the database backend until 10
    (
        "within the last second",
        10.125,
        10,
        _boundary,
        {"shared": ("v", True), "file": ("v", True), "db": (None, False)},
    ),
    # expired at 10.25: on the database backend `add` refuses until 11
    ("add after expiry", 10.5, 10, _late_add, {"shared": (True, "new"), "file": (True, "new"), "db": (False, None)}),
    ("add a second later", 11.5, 10, _late_add, {"shared": (True, "new"), "file": (True, "new"), "db": (True, "new")}),
    ("touch after expiry", 12.5, 10, _revive, {"shared": (False, None), "file": "ValueError", "db": (True, "v")}),
]


@pytest.mark.parametrize("backend", ONE_STORE)
@pytest.mark.parametrize(
    ("at_s", "timeout", "look", "expected"), [row[1:] for row in CORNERS], ids=[row[0] for row in CORNERS]
)
def test_corners(
    tmp_path: Path, backend: str, at_s: float, timeout: float, look: Any, expected: dict[str, Any], on_rules: Open
) -> None:
    """The catalogue's corner cases, on the backend and in the rule book (which knows no ValueError from touch)."""

    def looked(where: str) -> Any:
        found = []

        def read(site: Site, key: str) -> Row:
            if key == "set" and not site.cache.get("seen"):
                site.cache.set("seen", 1, None)
                site.cache.set("ten", "v", timeout)
            elif key == "look" and not found:
                found.append(look(site))
            return Row(key, 0, b"")

        steps = [(0.0, "read", "start"), (0.25, "read", "set"), (at_s, "read", "look")]
        run(script(tmp_path, steps), Custom(read), backend=where)
        return found[0]

    assert looked(backend) == expected[backend]
    if expected[backend] != "ValueError":
        assert looked(on_rules(RULES[backend])) == expected[backend]


def test_lattice_times_tell_the_instant_apart(tmp_path: Path, on_rules: Open) -> None:
    """Requests on a lattice meet the exact instant of expiry all the time: only that rule parts shared from file."""
    steps = [(quarter / 4, "read", "k") for quarter in range(200)]
    scenario = script(tmp_path, steps)
    assert unexplained(scenario, TtlOnly(timeout=1), "file", RULES["file"], on_rules) == 0
    assert unexplained(scenario, TtlOnly(timeout=1), "shared", RULES["shared"], on_rules) == 0
    assert unexplained(scenario, TtlOnly(timeout=1), "shared", RULES["file"], on_rules) > 10
