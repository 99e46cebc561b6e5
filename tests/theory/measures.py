"""What the theory speaks about, measured on one run as (part, whole)."""

import numpy as np

from cachewise import Result
from tests.theory.replication import Measure


def hits_of_reads(result: Result) -> tuple[float, float]:
    """Hit ratio."""
    hit = result.reads["hit"]
    return hit.sum(), len(hit)


def stale_of_reads(result: Result) -> tuple[float, float]:
    """Stale ratio; by PASTA also the share of the time that an outdated entry is held."""
    stale = result.reads["stale"]
    return stale.sum(), len(stale)


def aborted_of_reads(result: Result) -> tuple[float, float]:
    """Share of the reads that returned what was never committed."""
    aborted = result.reads["aborted"]
    return aborted.sum(), len(aborted)


def wrong_of_reads(result: Result) -> tuple[float, float]:
    """Share of the reads that are wrong."""
    return result.summary["wrong_ratio"] * len(result.reads), len(result.reads)


def stale_of_hits(result: Result) -> tuple[float, float]:
    """Stale hits / hits."""
    reads = result.reads
    return (reads["stale"] & reads["hit"]).sum(), reads["hit"].sum()


def mean_stale_age(result: Result) -> tuple[float, float]:
    """Mean age of the stale reads, in seconds."""
    ages = result.reads["stale_age_s"].dropna()
    return ages.sum(), len(ages)


def versions_behind_of_hits(result: Result) -> tuple[float, float]:
    """Mean number of versions a hit is behind."""
    reads = result.reads
    return reads["versions_behind"][reads["hit"]].sum(), reads["hit"].sum()


def older_than(age_s: float) -> Measure:
    """Share of the stale reads older than *age_s*."""

    def older(result: Result) -> tuple[float, float]:
        ages = result.reads["stale_age_s"].dropna()
        return (ages > age_s).sum(), len(ages)

    return older


def behind_by(versions: int) -> Measure:
    """Share of the hits exactly *versions* behind."""

    def behind(result: Result) -> tuple[float, float]:
        reads = result.reads
        return (reads["versions_behind"][reads["hit"]] == versions).sum(), reads["hit"].sum()

    return behind


def visible_between(low_s: float, high_s: float) -> Measure:
    """Share of the pairs of a commit and a read *low_s* to *high_s* later whose read sees the commit (one key)."""

    def visible(result: Result) -> tuple[float, float]:
        start_s, version = (result.reads[name].to_numpy() for name in ("start_s", "version"))
        writes = result.writes[result.writes["committed"]]
        first, last = (np.searchsorted(start_s, writes["commit_s"] + since_s) for since_s in (low_s, high_s))
        pairs = last - first
        read = np.repeat(first - np.cumsum(pairs) + pairs, pairs) + np.arange(pairs.sum())
        return (version[read] >= np.repeat(writes["version"], pairs)).sum(), pairs.sum()

    return visible


def hits_of_ranks(ranks: range) -> Measure:
    """Hit ratio of the keys of these ranks of popularity."""

    def hits(result: Result) -> tuple[float, float]:
        hit = result.reads["hit"][result.reads["key"].isin([f"key:{rank}" for rank in ranks])]
        return hit.sum(), len(hit)

    return hits


def hits_a_key(result: Result) -> tuple[float, float]:
    """Hits a key in the whole run."""
    return result.reads["hit"].sum(), result.run.scenario.keys


def undelayed_hits_of_reads(result: Result) -> tuple[float, float]:
    """Hit ratio where a read that waited for another's fetch counts as a miss."""
    reads = result.reads
    return (reads["hit"] & (reads["end_s"] == reads["start_s"])).sum(), len(reads)


def stale_of_undelayed_hits(result: Result) -> tuple[float, float]:
    """Stale hits / hits, where a read that waited for another's fetch is no hit."""
    reads = result.reads
    hit = reads["hit"] & (reads["end_s"] == reads["start_s"])
    return (reads["stale"] & hit).sum(), hit.sum()


def fetches_per_refresh(result: Result) -> tuple[float, float]:
    """Full loads that one expiry (or early refresh) sets off (one key)."""
    sizes = [len(refresh) for refresh in refreshes(result)[1:-1]]  # the first and the last may be cut by the window
    return sum(sizes), len(sizes)


def refreshed_at_most(early_s: float, timeout_s: float) -> Measure:
    """Share of the refreshes that start at most *early_s* before their entry expires (one key)."""

    def at_most(result: Result) -> tuple[float, float]:
        groups = refreshes(result)
        filled_s = [max(end_s for _, end_s in group) for group in groups[:-1]]
        starts_s = [group[0][0] for group in groups[1:]]
        early = [fill_s + timeout_s - start_s <= early_s for fill_s, start_s in zip(filled_s, starts_s, strict=True)]
        return sum(early), len(early)

    return at_most


def refreshes(result: Result) -> list[list[tuple[float, float]]]:
    """Return the loads as (start_s, end_s), those together that started before the first of them was back (one key)."""
    groups: list[list[tuple[float, float]]] = []
    first_back_s = -np.inf
    loads = result.reads[~result.reads["hit"]]
    for start_s, end_s in zip(loads["start_s"].tolist(), loads["end_s"].tolist(), strict=True):
        if start_s >= first_back_s:
            groups.append([])
            first_back_s = np.inf
        groups[-1].append((start_s, end_s))
        first_back_s = min(first_back_s, end_s)
    return groups
