"""Finds the fields that varied and changed nothing, as a strategy does not use them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ..verdict.metrics import MACHINE_METRICS
from .found import EVERYWHERE, Axis, Landed

Figures = tuple[tuple[str, str], ...]


def unchanged(axes: Sequence[Axis], landed: Sequence[Landed]) -> Iterator[str]:
    """Yield a line for each axis with the contenders whose figures it did not change, seed by seed.

    This can only be told after the runs: for most fields, nothing else shows whether a strategy depends on them.
    """
    for place, axis in enumerate(axes):
        indifferent = [one for one in dict.fromkeys(run.contender for run in landed) if _is_same(place, one, landed)]
        if indifferent:
            yield f"{axis.name} changed nothing for {', '.join(indifferent)}"


def _is_same(place: int, contender: str, landed: Sequence[Landed]) -> bool:
    """Return whether all runs of a contender that differ only in this axis have the same figures."""
    found: dict[tuple[object, ...], dict[object, Figures]] = defaultdict(dict)
    for one in landed:
        if one.contender == contender and one.at[place] is not EVERYWHERE:
            run = one.outcome.run
            others = (*one.at[:place], *one.at[place + 1 :], run.backend, run.seed)
            found[others][one.at[place]] = _figures(one)
    rows = [row for row in found.values() if len(row) > 1]
    return bool(rows) and all(len(set(row.values())) == 1 for row in rows)


def _figures(one: Landed) -> Figures:
    """Return all figures as text, so that NaN equals NaN."""
    return tuple((name, repr(value)) for name, value in one.outcome.summary.items() if name not in MACHINE_METRICS)
