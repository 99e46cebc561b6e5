"""The lead: compares what two strategies serve, in the reader's units."""

from ..sim.own.homes import home_of
from .formatting import oldest, pages, parts, people, span, with_article, wrong_pages
from .frames import Case, name_of
from .ranking import Group, compare, contenders, interval, settled_and_counts

BEFORE, AFTER = "delete-in-transaction", "delete-on-write"  # between them is a change of one line, often forgotten
PHRASES = {
    BEFORE: f"deleting inside the transaction (`{BEFORE}`)",
    AFTER: f"deleting in `on_commit` (`{AFTER}`)",
    "ttl-only": "waiting for the timeout (`ttl-only`)",
}
MAY_BE_CHANCE = "more seeds are needed to show that this is not chance"


def lead(case: Case, groups: list[Group]) -> str:
    """Return the sentences that contrast two strategies in wrong pages and queries; `_pair` says which two."""
    labels = contenders(case)
    if not labels:
        return "Only bounds were run: there is nothing to choose from."
    if not groups:
        failed = any(case.total(label, "failures") for label in labels)
        return f"{'Every read failed' if failed else 'No read was measured'}: there is nothing to judge."
    first, second = _pair(case, [label for label in labels if case.judged(label)], groups[0].leader)
    if first == second:
        return f"{_rate(case, first)}, {_serves(case, first)}"
    return _contrast(case, first, second)


def _pair(case: Case, labels: list[str], best: str) -> tuple[str, str]:
    """Return the two strategies that the lead contrasts: the first of these pairs that was run.

    - the only strategy of the user's own, and the best one, as that is the question;
    - deleting inside the transaction and in `on_commit`, if that is news: all strategies were run, or these two
      alone, and they differ in wrong reads by `RARE_SHARE` of all reads or more, and beyond chance;
    - the one that most users begin with (a project as it is, or the timeout alone), and the best one;
    - the worst one, and the best one.
    """
    own = [label for label in labels if home_of(case.by_strategy[label][0].run.strategy) is not None]
    if len(own) == 1 and own[0] != best:
        return own[0], best
    if not case.of_project and {BEFORE, AFTER} <= {*labels}:
        asked = len(labels) == 2 or {*case.kind.bounds} <= {*map(name_of, case.by_strategy)}  # the latter: none named
        if asked and settled_and_counts(case, BEFORE, AFTER):
            return BEFORE, AFTER
    if case.kind.familiar in labels and case.kind.familiar != best:
        return case.kind.familiar, best
    return max(labels, key=lambda label: interval(case, label, "wrong_ratio").mean), best


def _contrast(case: Case, first: str, second: str) -> str:
    before, after = wrong_pages(case, first), wrong_pages(case, second)
    if before.mean == after.mean == 0:
        both = f"neither {_called(case, first)} nor {_called(case, second)}"
        page = f"{with_article(case.fault)} page"
        return f"{_rate(case, first)}, {both} served {page} in {case.judged(first):,} reads."
    return (
        f"{_rate(case, first)}, {_serves(case, first)} {_change(case, first, second)} {_queries(case, first, second)}"
    )


def _change(case: Case, first: str, second: str) -> str:
    """Return sentences on how the wrong pages of *second* differ from those of *first*."""
    before, after = wrong_pages(case, first), wrong_pages(case, second)
    moves = (first, second) == (BEFORE, AFTER)
    sign = compare(case, second, first, "wrong_reads_per_day")
    turn = "Moving one line to `on_commit`" if moves else f"`{second}`"
    within = "With `on_commit`" if moves else f"With `{second}`"
    told = _parts(case, second)
    if case.values(first, "wrong_reads_per_day") == case.values(second, "wrong_reads_per_day"):
        return f"{turn} leaves that the same.{told}"
    if not after.mean:
        none = f"{within}, no {case.fault} read occurred in {case.judged(second):,} reads"
        return f"{none}." if sign else f"{none}; {MAY_BE_CHANCE}."
    count = f"about {people(after.mean)}{_ones(case, first, second)}{span(after)}"
    if not sign:
        return f"{within}, it is {count}; {MAY_BE_CHANCE}.{told}"
    if not before.mean:
        return f"{within}, there are {count}.{told}"
    return f"{turn} {'cuts' if sign < 0 else 'raises'} that to {count}.{told}"


def _ones(case: Case, first: str, second: str) -> str:
    """Return " wrong ones" if the pages of *second* are wrong in another way than those of *first*, else ""."""
    return " wrong ones" if case.is_mixed(second) and not case.is_mixed(first) else ""


def _rate(case: Case, label: str) -> str:
    reads = case.total(label, "reads") / sum(outcome.measured_s for outcome in case.by_strategy[label])
    return f"At {float(f'{reads:.2g}'):,g} reads a second"


def _called(case: Case, label: str) -> str:
    return f"`{label}`" if case.of_project else PHRASES.get(label, f"`{label}`")


def _serves(case: Case, label: str) -> str:
    """Return what a strategy serves, as sentences; the first one continues a sentence that has begun."""
    who = _called(case, label)
    if not interval(case, label, "wrong_ratio").mean:
        return f"{who} served no {case.fault} page in {case.judged(label):,} reads."
    if case.is_mixed(label):
        return f"{who} serves {pages(case, label)}.{_parts(case, label)}"
    return f"{who} serves {pages(case, label)}. The oldest is {oldest(case, label)} out of date."


def _parts(case: Case, label: str) -> str:
    """Return a sentence on the kinds of a strategy's wrong reads; "" if all of them are outdated."""
    text = parts(case, label, "were ") if case.is_mixed(label) else ""
    return text and f" {text[:1].upper()}{text[1:]}."


def _queries(case: Case, first: str, second: str) -> str:
    before, after = (people(interval(case, label, "db_queries_per_s").mean) for label in (first, second))
    if before == after:
        return f"The database gets {after} {case.kind.queries} a second either way."
    by_chance = "" if compare(case, second, first, "db_queries_per_s") else ", which may be chance"
    return f"The database gets {after} {case.kind.queries} a second instead of {before}{by_chance}."
