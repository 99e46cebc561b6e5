"""The call sites of caches: the lines of the project that call a cache, each with the pattern of its keys."""

from collections import Counter
from math import isnan

from ..project.caches import merged
from ..project.watch import CacheCall
from .figures import Site

MOST_PATTERNS = 8  # of one call site; all further ones become a single pattern of what they have in common


class CallSites:
    """Counts calls by site and key pattern."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._patterns: dict[str, list[str]] = {}
        self._whole: dict[str, int] = {}  # of the sites with too many patterns: the number of all further ones
        self._shown: list[list[str]] = []  # site and pattern, by number
        self._timeouts: dict[int, float | None] = {}
        self._calls: Counter[int] = Counter()
        self._hits: Counter[int] = Counter()

    def number(self, call: CacheCall) -> int:
        """Return the number of the call's site and pattern."""
        number = self._numbers.get((call.site, call.pattern))
        if number is None:
            number = self._numbers[call.site, call.pattern] = self._new(call.site, call.pattern)
        if call.timeout is None or not isnan(call.timeout):
            self._timeouts[number] = call.timeout
        return number

    def count(self, number: int, call: CacheCall) -> None:
        """Count a measured call."""
        self._calls[number] += 1
        self._hits[number] += call.hits

    def rows(self) -> list[Site]:
        """Return a row for each number, in order; its timeout is NaN if nothing was stored or hit."""
        nan = float("nan")
        return [
            Site(site, pattern, self._timeouts.get(number, nan), self._calls[number], self._hits[number])
            for number, (site, pattern) in enumerate(self._shown)
        ]

    def _new(self, site: str, pattern: str) -> int:
        patterns = self._patterns.setdefault(site, [])
        if len(patterns) < MOST_PATTERNS:
            patterns.append(pattern)
            self._shown.append([site, pattern])
            return len(self._shown) - 1
        if site not in self._whole:
            self._whole[site] = len(self._shown)
            self._shown.append([site, pattern])
        number = self._whole[site]
        self._shown[number][1] = merged(self._shown[number][1], pattern)
        return number
