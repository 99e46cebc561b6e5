"""Patterns of keys, and what goes by them."""

import pytest

from cachewise.sim.project.caches import merged, pattern_of
from cachewise.sim.project.caches.patterns import Matching, Timeouts


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("product:12", "product:*"),
        ("product:12:de", "product:*:de"),
        ("v2.rows.17.3", "v*.rows.*"),
        ("user:alice", "user:alice"),
        ("q:3f2a9bc4d5e6f7a8b9c0d1e2f3a4b5c6", "q:*"),
        ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "*"),
        ("template.cache.listing.9cbf9e8e9b0c0b1a", "template.cache.listing.*"),
        ("views.decorators.cache.cache_page..GET.1f.2e.en-us.UTC", "views.decorators.cache.cache_page.*"),
        ("django.contrib.sessions.cachek0w3jq9x", "django.contrib.sessions.cache*"),
        ("django.contrib.sessions.cached_dbk0w3jq9x", "django.contrib.sessions.cached_db*"),
        ("x" * 200, "x" * 120 + "*"),
    ],
)
def test_what_varies_in_a_key_is_a_star(key: str, pattern: str) -> None:
    """Numbers, hashes, and what Django appends to its own keys; words stay."""
    assert pattern_of(key) == pattern


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("a:x:*", "a:x:*", "a:x:*"),
        ("a:x:*", "a:y:*", "a:*:*"),
        ("user:alice", "user:bob:page", "user:*"),
        ("a", "b", "*"),
    ],
)
def test_patterns_of_one_site_have_something_in_common(one: str, other: str, common: str) -> None:
    """Part by part, or their beginning."""
    assert merged(one, other) == merged(other, one) == common


def test_the_first_pattern_that_matches_gives_the_timeout() -> None:
    """As of file names, upper and lower case told apart."""
    timeouts = Timeouts({"page.a*": None, "page.*": 5})
    assert [timeouts.of(key, 9) for key in ("page.a1", "page.b", "Page.b", "row")] == [None, 5, 9, 9]
    assert not Timeouts({})
    assert [Matching(["cart:*", "rate"])(key) for key in ("cart:1", "rate", "rated")] == [True, True, False]
