"""Patterns of keys: the common part of keys, and the timeouts and stores that are given by pattern."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

# The varying parts of a key: hashes, random words, UUIDs, numbers. In Django's own keys, everything after a prefix.
_VARYING = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?<![0-9A-Za-z])(?=[0-9a-z]*\d)[0-9a-z]{16,}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])[0-9a-f]{16,}(?![0-9A-Za-z])"
    r"|\d+"
)
_DJANGOS = re.compile(
    r"(views\.decorators\.cache\.cache_(?:page|header)\.|template\.cache\.[^.]*\."
    r"|django\.contrib\.sessions\.(?:cached_db|cache)).*",
    re.DOTALL,
)
_SEVERAL = re.compile(r"\*(?:[*]|[.:,/|_-](?=\*))+")
_PART = re.compile(r"([.:,/|_ -])")
LONGEST = 120


@lru_cache(maxsize=100_000)
def pattern_of(key: str) -> str:
    """Return *key* with its varying parts replaced by ``*``: ``product:*``, ``template.cache.listing.*``."""
    djangos = _DJANGOS.fullmatch(key)
    if djangos:
        return f"{djangos[1]}*"
    pattern = _SEVERAL.sub("*", _VARYING.sub("*", key))
    return pattern if len(pattern) <= LONGEST else f"{pattern[:LONGEST]}*"


def merged(one: str, other: str) -> str:
    """Return the common pattern of two patterns of a call site, part by part: of ``a:x:1`` and ``a:y:1``, ``a:*:1``."""
    if one == other:
        return one
    ours, theirs = _PART.split(one), _PART.split(other)
    if len(ours) == len(theirs):
        return "".join(a if a == b else "*" for a, b in zip(ours, theirs, strict=True))
    common = next((place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
    return "".join(ours[:common]) + "*"


class Matching:
    """Tells whether a key matches one of several patterns (as for file names); it remembers the answers."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [re.compile(translate(pattern)) for pattern in patterns]
        self._known: dict[str, bool] = {}

    def __call__(self, key: str) -> bool:
        """Return whether a pattern matches *key*."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = any(pattern.match(key) for pattern in self._patterns)
        return known


class Timeouts:
    """The timeouts that a variant gives to keys, by pattern: the first pattern that matches counts."""

    def __init__(self, timeouts: Mapping[str, float | None]) -> None:
        self._timeouts = [(re.compile(translate(pattern)), timeout) for pattern, timeout in timeouts.items()]

    def __bool__(self) -> bool:
        return bool(self._timeouts)

    def of(self, key: Any, otherwise: Any) -> Any:
        """Return the timeout of *key*, or *otherwise* if no pattern matches."""
        return next((timeout for pattern, timeout in self._timeouts if pattern.match(str(key))), otherwise)
