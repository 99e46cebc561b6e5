"""The call sites of caches: counted by place and by what their keys have in common."""

import math

from cachewise.sim.app.call_sites import MOST_PATTERNS, CallSites
from cachewise.sim.app.figures import Site
from cachewise.sim.project.watch import CacheCall


def call(site: str, pattern: str, timeout: float | None = math.nan, hits: int = 0) -> CacheCall:
    """Return a call of a cache that asks for one key."""
    return CacheCall(site, "default", "get", pattern, timeout, hits, 1 - hits, math.inf, store=False)


def counted(*calls: CacheCall) -> list[Site]:
    """Return what is known of the sites when all these were measured."""
    sites = CallSites()
    for one in calls:
        sites.count(sites.number(one), one)
    return sites.rows()


def test_each_place_and_pattern_is_a_row() -> None:
    """With its calls and hits, and the timeout that was last stored with."""
    first, second, third = counted(
        call("views.py:1", "product:*", timeout=60),
        call("views.py:1", "product:*", hits=1),
        call("views.py:1", "list", timeout=None),
        call("page.html:3", "product:*"),
    )
    assert first == Site("views.py:1", "product:*", 60, calls=2, hits=1)
    assert second == Site("views.py:1", "list", None, calls=1, hits=0)
    assert (third.site, third.calls) == ("page.html:3", 1)
    assert third.timeout is not None
    assert math.isnan(third.timeout)


def test_what_was_not_measured_has_its_row() -> None:
    """A read's hit can name it: calls of the warm-up have a number, but do not count."""
    sites = CallSites()
    assert sites.number(call("views.py:1", "a", timeout=5)) == 0
    assert sites.rows() == [Site("views.py:1", "a", 5, calls=0, hits=0)]


def test_a_place_with_too_many_patterns() -> None:
    """Its further keys share one row, named after what they have in common; other places are as before."""
    found = counted(*(call("views.py:1", f"page:{chr(97 + n)}:x") for n in range(MOST_PATTERNS + 3)), call("b", "b"))
    assert len(found) == MOST_PATTERNS + 2
    rest, other = found[-2:]
    assert rest.pattern == "page:*:x"
    assert rest.calls == 3
    assert (other.site, other.calls) == ("b", 1)
