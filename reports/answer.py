"""The answer: what a case means in the reader's units, and which strategy to choose."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from reports.alarms import alarms
from reports.frames import Case, cases
from reports.ranking import Group, compare, compare_queries, contenders, frontier, interval
from reports.statistics import most_unseen_ratio, paired_difference
from reports.words import figure, listed, oldest, people, span
from sim.experiment import Outcome

# The change that costs one line and is forgotten most: it leads wherever both of its sides were run.
BEFORE, AFTER = "delete-in-transaction", "delete-on-write"
PHRASES = {
    BEFORE: "deleting inside the transaction",
    AFTER: "moving one line to `on_commit`",
    "ttl-only": "waiting for the timeout",
}
LIMITS = (
    "Latencies are simulated (the scenario's distributions), not measured on your machines.",
    "No delete is lost, no replica lags, no server fails: each of these would add outdated reads.",
    "Costs count queries, cache calls and entries; what they cost on your hardware is yours to weigh.",
)


@dataclass(frozen=True)
class Answer:
    """What to tell a reader about one case; texts may hold `code` in backticks.

    `groups` is the frontier; `lead` contrasts two strategies, `choice` says how to choose among the `options`,
    `cautions` what they rest on.
    """

    case: Case
    groups: list[Group]
    lead: str
    choice: str
    options: list[str]
    cautions: list[str]
    alarms: list[str]


def answer(case: Case) -> Answer:
    """Return the answer that the outcomes of *case* support."""
    groups = frontier(case)
    return Answer(
        case,
        groups,
        lead=_lead(case, groups),
        choice=_choice(groups),
        options=[_option(case, group) for group in groups],
        cautions=_cautions(case, groups),
        alarms=alarms(case),
    )


def answer_text(outcomes: Sequence[Outcome], width: int) -> list[str]:
    """Return the answers as plain lines of at most *width* characters."""
    lines: list[str] = []
    for case in cases(outcomes):
        found = answer(case)
        lines += ["", f"{case.title}:", found.lead, found.choice, *(f"  - {option}" for option in found.options)]
        lines += [*found.cautions, *(f"Check: {alarm}" for alarm in found.alarms), *_sentences(case.remarks)]
    return [part for line in lines for part in _wrapped(line.replace("`", ""), width)]


def _wrapped(line: str, width: int) -> list[str]:
    indent = "    " if line.startswith("  - ") else ""
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _sentences(notes: list[str]) -> list[str]:
    return [f"Note: {note}." for note in notes]


def _lead(case: Case, groups: list[Group]) -> str:
    """Return the sentence that contrasts two strategies in pages a day."""
    labels = contenders(case)
    if BEFORE in labels and AFTER in labels:
        return _contrast(case, BEFORE, AFTER)
    if not labels:
        return "Only bounds were run: there is nothing to choose from."
    worst = max(labels, key=lambda label: interval(case, label, "stale_ratio").mean)
    best = groups[0].leader
    return f"{_rate(case, worst)}, {_serves(case, worst)}." if worst == best else _contrast(case, worst, best)


def _contrast(case: Case, worse: str, better: str) -> str:
    before, after = interval(case, worse, "stale_reads_per_day"), interval(case, better, "stale_reads_per_day")
    turn = PHRASES.get(better, f"`{better}`")
    sign = compare(case, better, worse, "stale_reads_per_day")
    if before.mean == after.mean == 0:
        return f"{_rate(case, worse)}, {_serves(case, worse)}; neither did {turn}."
    now = f"about {people(after.mean)}{span(after)}" if after.mean else figure(case, better, "stale_reads_per_day")
    change = {
        -1: f"cuts that to {now}",
        1: f"raises that to {now}",
        0: f"leaves {now}, not distinguishable with these seeds,",
    }[sign]
    return f"{_rate(case, worse)}, {_serves(case, worse)}; {turn} {change} {_extra_queries(case, worse, better)}."


def _rate(case: Case, label: str) -> str:
    reads = case.total(label, "reads") / sum(outcome.measured_s for outcome in case.by_strategy[label])
    return f"At {float(f'{reads:.2g}'):,g} reads a second"


def _serves(case: Case, label: str) -> str:
    found, who = interval(case, label, "stale_reads_per_day"), PHRASES.get(label, f"`{label}`")
    if not found.mean:
        return f"{who} served no outdated page that {case.total(label, 'reads'):,} reads could show"
    pages = f"about {people(found.mean)} outdated pages a day{span(found)}"
    return f"{who} serves {pages}, the oldest {oldest(case, label)} out of date"


def _extra_queries(case: Case, worse: str, better: str) -> str:
    extra = paired_difference(case.values(better, "db_queries_per_s"), case.values(worse, "db_queries_per_s"))
    if not compare_queries(case, better, worse):
        return f"for no extra queries ({people(interval(case, better, 'db_queries_per_s').mean)} a second either way)"
    more = "more" if extra.mean > 0 else "fewer"
    return f"for {people(abs(extra.mean))} {more} queries a second"


def _choice(groups: list[Group]) -> str:
    if not groups:
        return "No strategy that one can choose was run."
    if len(groups) == 1 and not (groups[0].equals or groups[0].unresolved):
        claim = "no other strategy compared here can be told to serve fewer outdated reads or to make fewer queries"
        return f"Choose `{groups[0].leader}`: {claim}."
    if len(groups) == 1:
        return f"Choose `{groups[0].leader}`, or what these seeds cannot tell from it:"
    return "It depends on what an outdated read costs you. No other strategy compared here beats these, freshest first:"


def _option(case: Case, group: Group) -> str:
    label = group.leader
    saved = figure(case, label, "db_queries_saved_ratio")
    day = interval(case, label, "stale_reads_per_day")
    stale = (
        f"about {people(day.mean)} outdated pages a day{span(day)}, oldest {oldest(case, label)}"
        if day.mean
        else figure(case, label, "stale_ratio")
    )
    queries = interval(case, label, "db_queries_per_s").mean
    seen = (
        f"{people(queries)} queries a second" if queries else f"no query in {case.total(label, 'requests'):,} requests"
    )
    rate = f"{seen} ({saved} saved)"
    calls = f"{interval(case, label, 'cache_calls_per_request').mean:.2f} cache calls a request"
    text = f"`{label}`: {_outdated(stale)}, {rate}, {calls}"
    if group.equals:
        text += f"; as fresh, seed by seed: {_costing(case, group.equals)}"
    if group.unresolved:
        worse = [f"`{one}` ({figure(case, one, 'stale_ratio')} outdated)" for one in group.unresolved]
        text += f"; worse on average, but not distinguishable with these seeds: {listed(worse)}"
    return text + "."


def _outdated(stale: str) -> str:
    return stale if stale.startswith("about") else f"outdated: {stale}"


def _costing(case: Case, labels: tuple[str, ...]) -> str:
    return listed([f"`{one}` ({interval(case, one, 'cache_calls_per_request').mean:.2f} calls)" for one in labels])


def _cautions(case: Case, groups: list[Group]) -> list[str]:
    found = []
    unseen = [group.leader for group in groups if not interval(case, group.leader, "stale_ratio").mean]
    if unseen:
        found.append(_none_is_not_never(case, unseen[0]))
    never = [label for label in contenders(case) if case.by_strategy[label][0].run.strategy.stale_at_most == "never"]
    fresh = [
        label for label in contenders(case) if not interval(case, label, "stale_ratio").mean and label not in never
    ]
    if fresh and not unseen:
        found.append(f"No outdated read was seen with {_saving(case, fresh)}.")
    if never:
        found.append(f"If no outdated read is acceptable: by design, only {_saving(case, never)} never serves one.")
    return found


def _saving(case: Case, labels: list[str]) -> str:
    saved = {label: figure(case, label, "db_queries_saved_ratio") for label in labels}
    return listed([f"`{label}` ({share} of the queries saved)" for label, share in saved.items()])


def _none_is_not_never(case: Case, label: str) -> str:
    reads, writes = case.total(label, "reads"), case.total(label, "writes")
    text = (
        f"None seen is not never: if reads were independent, {reads:,} of them without an outdated one would put the "
        f"share below {100 * most_unseen_ratio(reads):.2g}% (95% confidence). But reads between two writes share a fate"
    )
    if not writes:
        return f"{text}, and there were no writes."
    bound = f"{100 * most_unseen_ratio(writes):.2g}%"
    count = "1 write is" if writes == 1 else f"{writes:,} writes are"
    return f"{text}, so {count} the fairer count: up to {bound} of all writes could leave outdated reads behind."
