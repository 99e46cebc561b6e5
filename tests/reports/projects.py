"""Outcomes of a project that is not there: columns drawn by a plain model of caching, put through the real figures."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cachewise import Scenario
from cachewise.sim.app.figures import Around, HitColumns, ReadColumns, Site, figures_of
from cachewise.sim.app.outcome import AppOutcome, run_of
from cachewise.sim.application import AS_IT_IS, NO_CACHE

SHOP = Scenario("shop", why="a small shop", duration_s=300, warmup_s=60, workers=4, threads=4)
FUNCTIONS = ("product_list", "product_page", "search_by_category", "own profile")
RATES = (20.0, 50.0, 8.0, 5.0)  # a second
STATEMENTS = (12, 7, 20, 4)  # of a read that misses
SITES = tuple(
    Site(site, pattern, timeout, 0, 0)
    for site, pattern, timeout in (
        ("shop/views.py:12", "product-list:*", 300),
        ("shop/views.py:48", "views.decorators.cache.cache_page.*.GET.*.en-us.UTC", 60),
        ("shop/views.py:77", "search:*:*", 600),
        ("shop/views.py:101", "profile:*", 600),
        ("shop/templates/shop/product.html:14", "template.cache.reviews.*", 900),
        ("shop/templates/shop/base.html:9", "template.cache.menu.*", 3600),
        ("shop/models.py:33", "stock:*", None),
        ("shop/models.py:61", "price:*", 30),
        ("shop/context_processors.py:8", "banner", 3600),
        ("shop/services/recommendations_for_customers.py:120", "recommended:*:*:*", 86_400),
        ("shop/middleware.py:21", "flags", 10),
        ("shop/api/serializers.py:205", "api:product:*", 120),
    )
)


class Caching(NamedTuple):
    """How a variant caches: the share of lookups that hit, of hits that are outdated, and what is never true."""

    hits: float
    outdated: float
    never_true: float = 0.0
    own_edit: float = 0.0
    failing: float = 0.0
    logs_out: int = 0


VARIANTS = {
    AS_IT_IS: Caching(0.85, 0.04, 0.002, 0.3, logs_out=412),
    NO_CACHE: Caching(0.0, 0.0),
    "on commit": Caching(0.80, 0.0004),
    "60 s": Caching(0.70, 0.01, 0.0005, 0.1),
    "cachalot": Caching(0.62, 0.0, failing=0.002),
}
TRACEBACK = (
    'Traceback (most recent call last):\n  File "shop/views.py", line 48, in product_page\n    price = prices[pk]\n'
    "KeyError: 17 at redis://shop:secret@cache.example:6379/1?password=secret\n"
)


def project(
    variants: dict[str, Caching] | None = None,
    seeds: Sequence[int] = (1, 2, 3, 4, 5),
    *,
    events: Sequence[tuple[float, str]] = (),
    scenario: Scenario = SHOP,
    backend: str = "redis",
    scale: float = 1.0,
) -> list[AppOutcome]:
    """Return an outcome for each variant and seed; *scale* thins the traffic out."""
    chosen = VARIANTS if variants is None else variants
    return [
        _outcome(name, caching, seed, events, scenario, backend, scale)
        for name, caching in chosen.items()
        for seed in seeds
    ]


def _outcome(
    name: str,
    caching: Caching,
    seed: int,
    events: Sequence[tuple[float, str]],
    scenario: Scenario,
    backend: str,
    scale: float,
) -> AppOutcome:
    rng = np.random.default_rng(seed)  # the same for every variant: the same traffic
    counts = [rng.poisson(rate * scale * scenario.duration_s) for rate in RATES]
    function = np.repeat(np.arange(len(FUNCTIONS)), counts)
    arrival_s = scenario.warmup_s + rng.random(len(function)) * scenario.duration_s
    dice, slow, old = (
        rng.random(len(function)),
        rng.lognormal(0, 0.5, len(function)),
        rng.exponential(20, len(function)),
    )
    hit = dice < caching.hits
    for at_s, _what in events:  # what a clear() does: nothing hits for a while
        hit &= ~((arrival_s > at_s) & (arrival_s < at_s + 25 * (1 - old / 400)))
    statements = np.where(hit, 0, np.array(STATEMENTS)[function])
    db_s = statements * 0.003 * slow
    share = dice / max(caching.hits, 1e-9)  # uniform among the hits, whatever their share
    failing = (function == 1) & (rng.random(len(function)) < caching.failing)
    stale = hit & (share < caching.outdated) & ~failing
    never = hit & ~stale & (share > 1 - caching.never_true) & ~failing
    columns = ReadColumns(
        function=function,
        arrival_s=arrival_s,
        start_s=arrival_s,
        end_s=arrival_s + 0.0008 + db_s,
        status=np.where(failing, 500, 200),
        lookups=np.ones(len(function), int),
        lookup_hits=hit.astype(int),
        statements=statements,
        db_s=db_s,
        outdated_s=np.where(stale, arrival_s - old, np.nan),
        never_true=never,
        own_edit_unseen=stale & (function == 3) & (slow > 1),
        failed=failing,
        digest=np.full(len(function), b"page", "S32"),
    )
    return figures_of(
        run_of(scenario, name, backend, seed), FUNCTIONS, columns, _hits(columns), _around(columns, caching, events)
    )


def _hits(columns: ReadColumns) -> HitColumns:
    read = np.flatnonzero(columns.lookup_hits)
    site = np.where(read % 11 < 6, columns.function[read], read % 7 + 3)
    age_s = np.nan_to_num(columns.age_s[read] + 1, nan=0.5)
    return HitColumns(read, site, columns.start_s[read] - age_s)


def _around(columns: ReadColumns, caching: Caching, events: Sequence[tuple[float, str]]) -> Around:
    calls: Any = np.bincount(_hits(columns).site, minlength=len(SITES))
    sent = np.repeat(columns.end_s, columns.statements)
    failed = int(columns.failed.sum())
    return Around(
        requests=len(columns.function) + 150,
        writes=150,
        statement_s=np.append(sent, np.linspace(columns.arrival_s.min(), columns.arrival_s.max(), 300)),
        sites=[
            one._replace(calls=int(calls[nth] / max(caching.hits, 0.1)), hits=int(calls[nth]))
            for nth, one in enumerate(SITES)
        ],
        failures=[("product_page", failed, TRACEBACK)] if failed else [],
        events=events,
        logouts_s=[events[0][0]] * caching.logs_out if events else [],
    )
