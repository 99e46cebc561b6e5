"""Words: figures as text for people, in sentences and in cells of tables."""

import re
from math import isnan

from ..sim.declared import declared_bound
from ..sim.verdict.metrics import PARTS, duration, shown
from .frames import Case
from .ranking import interval
from .statistics import Interval, metric_interval

DAY_S = 86_400


def people(number: float) -> str:
    """Return a count for a sentence: three figures, and "million" where it helps."""
    if abs(number) >= 1e6:
        return f"{number / 1e6:,.3g} million" if abs(number) < 1e9 else f"{number / 1e9:,.3g} billion"
    if abs(number) >= 999.5:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}"


def figure(case: Case, label: str, metric: str) -> str:
    """Return a metric's mean over seeds as text; a zero count also says out of how many, all seeds together."""
    of = case.metric(metric).of
    judged = of == "reads" and metric != "failures"
    counts = {of: case.judged(label) if judged else case.total(label, of)} if of else {}
    return shown(metric, interval(case, label, metric).mean, counts)


def cell(case: Case, label: str, metric: str) -> str:
    """Return a figure, with its interval in brackets if there is one and its ends differ."""
    if metric == "stale_age_max_s":
        return oldest(case, label)
    found, text = interval(case, label, metric), figure(case, label, metric)
    if isnan(found.mean) or found.mean == 0 or not found.known or found.low == found.high:
        return text
    return f"{text} ({shown(metric, found.low, {})} to {shown(metric, found.high, {})})"


def oldest(case: Case, label: str) -> str:
    """Return the age of the oldest outdated read of all seeds, or "-"; a mean of extremes would mislead."""
    ages = [age for age in case.values(label, "stale_age_max_s").values() if not isnan(age)]
    return shown("stale_age_max_s", max(ages, default=float("nan")), {})


def wrong_pages(case: Case, label: str) -> Interval:
    """Return the wrong pages a day, or in the measured time if the traffic has something that comes only once."""
    days = case.outcomes[0].measured_s / DAY_S if case.is_one_off else 1
    values = case.values(label, "wrong_reads_per_day").values()
    return metric_interval("wrong_reads_per_day", [value * days for value in values])


def pages(case: Case, label: str) -> str:
    """Return "about 1,200 outdated pages a day (95% interval ...)", or "in these 10 min".

    They are "wrong pages" where not all of them are outdated: `parts` says what they are.
    """
    found = wrong_pages(case, label)
    kind = "wrong" if case.is_mixed(label) else "outdated"
    count = people(found.mean)
    when = f"in these {duration(case.outcomes[0].measured_s)}" if case.is_one_off else "a day"
    return f"about {count} {kind} page{'' if count == '1' else 's'} {when}{span(found)}"


def parts(case: Case, label: str, verb: str = "") -> str:
    """Return the kinds of a strategy's wrong reads: "of them 88.0% outdated (oldest 30 s) and 12.0% never committed".

    With a *verb*, such as "are ", it is a sentence.
    """
    wrong = interval(case, label, "wrong_ratio").mean
    shares = {metric: interval(case, label, metric).mean / wrong for metric in case.parts}
    names = {**PARTS, "stale_ratio": f"{PARTS['stale_ratio']} (oldest {oldest(case, label)})"}
    told = [(share, names[metric]) for metric, share in shares.items() if share]
    if len(told) == 1:
        return f"all of them {verb}{told[0][1]}"
    first, *others = told
    shares = [f"{_share(first[0])} {verb}{first[1]}", *(f"{_share(share)} {name}" for share, name in others)]
    return f"of them{',' if verb else ''} {listed(shares)}"


def _share(share: float) -> str:
    return "less than 0.1%" if share < 0.001 else f"{min(share, 0.999):.1%}"


def guarantee(case: Case, label: str) -> str:
    """Return the strategy's guarantee by design, as sentences: its bound, and the "Guarantee:" of its docstring.

    A variant of a project has none, and it is "".
    """
    if case.of_project:
        return ""
    strategy = case.by_strategy[label][0].run.strategy
    timeout = getattr(strategy, "timeout", None)
    stated = declared_bound(strategy)
    bound = "none" if stated == "timeout" and timeout is None else stated
    text = {
        None: "It states no guarantee (no `stale_at_most`)",
        "never": "By design, no read is outdated",
        "timeout": f"By design, a read is outdated by at most the timeout{_seconds(timeout)} plus the time of a load",
        "none": "By design, there is no limit to how outdated a read can be",
    }[bound]
    if bound == "never" and any(value > 0 for value in case.values(label, "stale_ratio").values()):
        text = "It claims that no read is outdated, but some were in these runs"
    if case.is_mixed(label):
        text += ". It also serves rows that are not committed"
    said = re.search(r"Guarantee: (.+?)\.(?=\s+[A-Z`]|$)", " ".join((strategy.__doc__ or "").split()))
    if said is None or bound is None:
        return f"{text}."
    for_ever = hasattr(strategy, "timeout") and timeout is None
    promise = said[1].replace("until the timeout", "for ever, as there is no timeout") if for_ever else said[1]
    return f"{text}. Guarantee: {promise}."


def _seconds(timeout: object) -> str:
    return f" ({duration(timeout)})" if isinstance(timeout, (int, float)) else ""


def span(found: Interval) -> str:
    """Return " (95% interval a to b)", or nothing where there is no interval."""
    if not found.known or found.low == found.high:
        return ""
    return f" (95% interval {people(found.low)} to {people(found.high)})"


def listed(items: list[str]) -> str:
    """Return "a", "a and b", or "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def with_article(fault: str) -> str:
    """Return "an outdated" or "a wrong"."""
    return f"{'an' if fault == 'outdated' else 'a'} {fault}"


def plural(count: int, noun: str) -> str:
    """Return "1 seed" or "3 seeds"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
