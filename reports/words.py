"""Words: figures as people say them, in sentences and in cells."""

from math import isnan

from reports.frames import Case
from reports.ranking import interval
from reports.statistics import Interval
from sim.metrics import METRICS, shown


def people(number: float) -> str:
    """Return a count in words' precision: three figures, and "million" where it helps."""
    if abs(number) >= 1e6:
        return f"{number / 1e6:,.3g} million" if abs(number) < 1e9 else f"{number / 1e9:,.3g} billion"
    if abs(number) >= 1000:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}"


def figure(case: Case, label: str, metric: str) -> str:
    """Return a metric's mean over seeds as text; a zero count says out of how many, all seeds together."""
    of = METRICS[metric].of
    counts = {of: case.total(label, of)} if of else {}
    return shown(metric, interval(case, label, metric).mean, counts)


def cell(case: Case, label: str, metric: str) -> str:
    """Return a figure with its interval in brackets, where there is one that is wider than a point."""
    if METRICS[metric].name == "stale_age_max_s":
        return oldest(case, label)
    found, text = interval(case, label, metric), figure(case, label, metric)
    if isnan(found.mean) or found.mean == 0 or not found.known or found.low == found.high:
        return text
    return f"{text} ({shown(metric, found.low, {})} to {shown(metric, found.high, {})})"


def oldest(case: Case, label: str) -> str:
    """Return the oldest stale read of all seeds ("-" if there was none): an extreme has no mean worth showing."""
    ages = [age for age in case.values(label, "stale_age_max_s").values() if not isnan(age)]
    return shown("stale_age_max_s", max(ages, default=float("nan")), {})


def span(found: Interval) -> str:
    """Return " (95% interval a to b)", or nothing where there is no interval."""
    if not found.known or found.low == found.high:
        return ""
    return f" (95% interval {people(found.low)} to {people(found.high)})"


def listed(items: list[str]) -> str:
    """Return "a", "a and b", or "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def plural(count: int, noun: str) -> str:
    """Return "1 seed" or "3 seeds"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
