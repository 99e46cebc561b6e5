"""Closed forms: what an honest simulator must show where queueing theory knows the answer.

Reads and commits of a key are independent Poisson processes; the timeout is set on a fill and not renewed by a hit
(Django's semantics); the cache is unlimited, latencies are zero unless a function says otherwise. Rates are per second
and per key, times are seconds, `timeout_s=inf` means "for ever". "The share of outdated hits" is outdated hits / hits.
The source is the renewal-reward theorem, unless a function names another.
"""

from collections.abc import Callable
from math import exp, expm1, inf, isinf

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]


def mean_life_s(ends_per_s: float, timeout_s: float) -> float:
    """Return the mean life of an entry that ends at a rate, or at its timeout if that comes first: (1-e^-vT)/v."""
    if ends_per_s == 0:
        return timeout_s
    return -expm1(-ends_per_s * timeout_s) / ends_per_s


def hit_ratio(reads_per_s: float, life_s: float, fetch_s: float = 0.0) -> float:
    """Return hits / reads of a key whose entries live *life_s* on average, one fetch of *fetch_s* in flight at a time.

    Source: Jung, Berger, Balakrishnan, Modeling TTL-based Internet caches, INFOCOM 2003.
    """
    return reads_per_s * life_s / (1 + reads_per_s * fetch_s + reads_per_s * life_s)


# Timeout only.


def timeout_stale_hits(writes_per_s: float, timeout_s: float) -> float:
    """Return the share of outdated hits under a timeout alone; it does not depend on the rate of reads."""
    return 1 - mean_life_s(writes_per_s, timeout_s) / timeout_s


def timeout_stale_age_s(writes_per_s: float, timeout_s: float) -> float:
    """Return the mean age of an outdated read, in seconds."""
    fresh_s = mean_life_s(writes_per_s, timeout_s)
    return (timeout_s / 2 - (1 - fresh_s / timeout_s) / writes_per_s) / timeout_stale_hits(writes_per_s, timeout_s)


def timeout_stale_age_tail(writes_per_s: float, timeout_s: float, age_s: float) -> float:
    """Return the share of the outdated reads that are older than *age_s*."""
    left_s = max(0.0, timeout_s - age_s)
    return (left_s - mean_life_s(writes_per_s, left_s)) / (timeout_s - mean_life_s(writes_per_s, timeout_s))


def timeout_versions_behind(writes_per_s: float, timeout_s: float) -> float:
    """Return the mean number of versions a hit is behind, hits that are not outdated included."""
    return writes_per_s * timeout_s / 2


def timeout_versions_behind_share(writes_per_s: float, timeout_s: float, versions: int) -> float:
    """Return the share of the hits that are exactly *versions* behind.

    Source: k-staleness, Bailis et al., Probabilistically bounded staleness, VLDB 2012.
    """
    from scipy.special import gammainc

    return float(gammainc(versions + 1, writes_per_s * timeout_s)) / (writes_per_s * timeout_s)


def timeout_visibility(reads_per_s: float, timeout_s: float, since_s: float) -> float:
    """Return the probability that a read *since_s* after a commit sees that commit.

    Source: t-visibility, Bailis et al., VLDB 2012.
    """
    return 1 - reads_per_s * max(0.0, timeout_s - since_s) / (1 + reads_per_s * timeout_s)


def jitter_stale_hits(writes_per_s: float, low_s: float, high_s: float) -> float:
    """Return the share of outdated hits, 1 - E[l(u,L)] / E[L], if timeouts are uniform between *low_s* and *high_s*."""
    fresh_share = (exp(-writes_per_s * low_s) - exp(-writes_per_s * high_s)) / (writes_per_s * (high_s - low_s))
    return 1 - (1 - fresh_share) / writes_per_s / ((low_s + high_s) / 2)


def sliding_hit_ratio(reads_per_s: float, timeout_s: float) -> float:
    """Return hits / reads where every hit renews the timeout (a touch)."""
    return -expm1(-reads_per_s * timeout_s)


def sliding_stale_hits(reads_per_s: float, writes_per_s: float, timeout_s: float) -> float:
    """Return the share of outdated hits where every hit renews the timeout."""
    total_per_s = reads_per_s + writes_per_s
    next_fresh = reads_per_s * mean_life_s(total_per_s, timeout_s)
    fresh_hits_a_fill = next_fresh / (1 - next_fresh)
    return 1 - fresh_hits_a_fill * exp(-reads_per_s * timeout_s) / sliding_hit_ratio(reads_per_s, timeout_s)


# Invalidation on a write.


def cold_start_hits(reads_per_s: float, deletes_per_s: float, horizon_s: float) -> float:
    """Return the expected hits of a key in *horizon_s* seconds from an empty cache, under delete on write."""
    total_per_s = reads_per_s + deletes_per_s
    return reads_per_s**2 / total_per_s * (horizon_s - mean_life_s(total_per_s, horizon_s))


def renewed_life_s(writes_per_s: float, timeout_s: float) -> float:
    """Return the mean life of an entry whose timeout every write renews: (e^uT-1)/u."""
    return expm1(writes_per_s * timeout_s) / writes_per_s


def write_through_hit_ratio(reads_per_s: float, writes_per_s: float, timeout_s: float) -> float:
    """Return hits / reads where every write stores the row with a new timeout: writes fill as reads do."""
    return hit_ratio(reads_per_s + writes_per_s, renewed_life_s(writes_per_s, timeout_s))


def late_set_stale_hits(writes_per_s: float, delay_s: float) -> float:
    """Return the share of outdated hits of write-through without timeout, with each set *delay_s* after its commit."""
    return -expm1(-writes_per_s * delay_s)


def rolled_back_reads(rollback_ratio: float, writes_per_s: float, timeout_s: float) -> float:
    """Return the share of reads that get a row that was never committed, if writes store their rows before the commit.

    The cache holds the row of the last write, if that is younger than the timeout. With probability *rollback_ratio*,
    this write was rolled back.
    """
    return rollback_ratio * -expm1(-writes_per_s * timeout_s)


def resident_entries(reads_per_s: float, hits: float, timeout_s: float) -> float:
    """Return the entries a key keeps alive where its version is part of the key and *hits* of the reads hit.

    Source: Little, A proof for the queuing formula L = lambda W, 1961.
    """
    return reads_per_s * (1 - hits) * timeout_s


# Races.


def stale_set_constant(writes_per_s: float, fetch_s: float) -> float:
    """Return the probability that a write commits during a fetch of constant *fetch_s* and its delete comes too early.

    With one fetch in flight a key, it is also the share of outdated hits under delete on write, whatever the read rate
    and the timeout.
    """
    return -expm1(-writes_per_s * fetch_s)


def stale_set_exponential(writes_per_s: float, fetch_mean_s: float) -> float:
    """Return the same for exponential fetches; then it is the share of outdated hits without coalescing, too."""
    return writes_per_s * fetch_mean_s / (1 + writes_per_s * fetch_mean_s)


def early_delete_stale_reads(reads_per_s: float, writes_per_s: float, tail_s: float) -> float:
    """Return outdated reads / reads where the delete comes a constant *tail_s* before the commit and nothing expires.

    A read between the delete and the commit caches the old row, so an outdated entry follows a share of 1-e^-lc of the
    writes. While a transaction is open, nothing is outdated. As writers wait for the row's lock, transactions are open
    for the busy time of an M/D/1 queue, a share of u*c. For u*c << 1 the result is 1-e^-lc.
    Source: the utilisation law, Kleinrock, Queueing Systems, 1975.
    """
    return (1 - writes_per_s * tail_s) * -expm1(-reads_per_s * tail_s)


# Lost and late deletes.


def lost_deletes_stale_hits(writes_per_s: float, lost_ratio: float, timeout_s: float) -> float:
    """Return the share of outdated hits where *lost_ratio* of the deletes never arrive."""
    if isinf(timeout_s):
        return lost_ratio
    arriving_per_s = writes_per_s * (1 - lost_ratio)
    return 1 - mean_life_s(writes_per_s, timeout_s) / mean_life_s(arriving_per_s, timeout_s)


def lost_deletes_stale_age_s(writes_per_s: float, lost_ratio: float) -> float:
    """Return the mean age of an outdated read where deletes get lost and nothing expires, in seconds."""
    return 1 / (writes_per_s * (1 - lost_ratio))


def late_delete_stale_hits(writes_per_s: float, delay_s: float) -> float:
    """Return the share of outdated hits if each delete lands *delay_s* after its commit and nothing expires."""
    return -expm1(-2 * writes_per_s * delay_s) / 2


def constant_pending_s(delay_s: float) -> Callable[[float], float]:
    """Return c -> the integral of P(G > u) over u from 0 to c, for a constant delay G."""
    return lambda life_s: min(life_s, delay_s)


def exponential_pending_s(delay_mean_s: float) -> Callable[[float], float]:
    """Return c -> the integral of P(G > u) over u from 0 to c, for an exponential delay G."""
    return lambda life_s: -expm1(-life_s / delay_mean_s) * delay_mean_s


def deletes_stale_hits(
    writes_per_s: float, lost_ratio: float, timeout_s: float, pending_s: Callable[[float], float]
) -> float:
    """Return the share of outdated hits where *lost_ratio* of the deletes get lost and the others come late.

    *pending_s* says how late; it is made by one of the two functions above.
    """
    return 1 - _mean_over_life(writes_per_s, lost_ratio, timeout_s, pending_s, lambda behind: exp(-behind))


def deletes_versions_behind(
    writes_per_s: float, lost_ratio: float, timeout_s: float, pending_s: Callable[[float], float]
) -> float:
    """Return the mean number of versions a hit is behind, for the same."""
    return _mean_over_life(writes_per_s, lost_ratio, timeout_s, pending_s, lambda behind: behind)


def _mean_over_life(
    writes_per_s: float,
    lost_ratio: float,
    timeout_s: float,
    pending_s: Callable[[float], float],
    value: Callable[[float], float],
) -> float:
    """Average *value* of the expected versions behind, m(c), over the ages c at which hits find an entry."""
    from scipy.integrate import quad

    arriving_per_s, lost_per_s = writes_per_s * (1 - lost_ratio), writes_per_s * lost_ratio

    def weighted(age_s: float) -> float:
        behind = lost_per_s * age_s + arriving_per_s * pending_s(age_s)
        return exp(-arriving_per_s * age_s) * value(behind)

    # What lies beyond 50 mean lives is too small for double precision.
    end_s = min(timeout_s, 50 / arriving_per_s if arriving_per_s else inf)
    total: float = quad(weighted, 0, end_s, limit=500)[0]
    return total / mean_life_s(arriving_per_s, timeout_s)


# Limited capacity (approximations).


def characteristic_time_s(reads_per_s: Rates, entries: float) -> float:
    """Return Che's characteristic time: how long an unread key stays in an LRU cache of *entries*; rates shape (keys,).

    Source: Che, Tung, Wang, Hierarchical web caching systems, IEEE JSAC 2002.
    """
    from scipy.optimize import brentq

    if entries <= 0:
        return 0.0

    def excess(time_s: float) -> float:
        return float(-np.expm1(-reads_per_s * time_s).sum()) - entries

    high_s = entries / float(reads_per_s.sum())
    while excess(high_s) < 0:
        high_s *= 2
    return float(brentq(excess, 0, high_s, xtol=1e-12 * high_s))


def lru_hit_ratios(reads_per_s: Rates, entries: int) -> Rates:
    """Return each key's hits / reads under LRU, shape (keys,); *entries* must be below the number of keys.

    Approximate (Che). Source: Che, Tung, Wang, IEEE JSAC 2002.
    """
    return -np.expm1(-reads_per_s * characteristic_time_s(reads_per_s, entries))


def batch_lru_hit_ratios(reads_per_s: Rates, max_entries: int, cull_frequency: int) -> Rates:
    """Return each key's hits / reads under Django LocMem's culling, which evicts 1/cull_frequency at once (0: all).

    Approximate: an unread entry's time to eviction is uniform between the characteristic times of the culled cache and
    of the full one.
    Source: Django 5.2's `LocMemCache._cull`; Che, Tung, Wang, IEEE JSAC 2002.
    """
    culled = max_entries - max_entries // cull_frequency if cull_frequency else 0
    least_s = characteristic_time_s(reads_per_s, culled)
    most_s = characteristic_time_s(reads_per_s, max_entries)
    absent = np.exp(-reads_per_s * least_s) - np.exp(-reads_per_s * most_s)
    return np.asarray(1 - absent / (reads_per_s * (most_s - least_s)))


# Expiry of a hot key.


def stampede_constant(reads_per_s: float, fetch_s: float) -> float:
    """Return the fetches an expiry causes if each takes *fetch_s*: every read misses until the first fetch is back."""
    return 1 + reads_per_s * fetch_s


def stampede_exponential(reads_per_s: float, fetch_mean_s: float) -> float:
    """Return the same for exponential fetches, of which the first to begin need not be the first to end."""
    from scipy.special import hyp1f1

    in_one_fetch = reads_per_s * fetch_mean_s
    return float(hyp1f1(1, in_one_fetch + 1, in_one_fetch))


def xfetch_earliness(reads_per_s: float, scale_s: float, timeout_s: float, early_s: float) -> float:
    """Return the probability that XFetch refreshes at most *early_s* before the expiry.

    *scale_s* is beta times the fetch, *timeout_s* runs from the fill.
    Source: Vattani, Chierichetti, Lowenstein, Optimal probabilistic cache stampede prevention, VLDB 2015.
    """
    return exp(-reads_per_s * scale_s * (exp(-early_s / scale_s) - exp(-timeout_s / scale_s)))


def xfetch_fetches(beta: float) -> float:
    """Return the fetches a refresh costs under XFetch for a hot key (many reads in a fetch, a timeout of many fetches).

    Source: Vattani, Chierichetti, Lowenstein, VLDB 2015.
    """
    return exp(1 / beta)
