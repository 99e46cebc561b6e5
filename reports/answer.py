"""The answer: what a case means in the reader's units, and which strategy to choose."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..sim.experiment import Outcome
from .alarms import FEW_WRITES, alarms
from .culls import culled
from .formatting import figure, guarantee, listed, oldest, pages, parts, people, plural, span, wrong_pages
from .frames import Case, cases
from .ranking import (
    EQUAL_SHARE,
    NEGLIGIBLE_SHARE,
    RARE_SHARE,
    Group,
    Ranking,
    compare,
    contenders,
    interval,
    never_wrong,
    rank,
    saves_queries,
)
from .statistics import most_unseen_ratio

# The change that costs one line and is forgotten most: it leads wherever both of its sides were run.
BEFORE, AFTER = "delete-in-transaction", "delete-on-write"
PHRASES = {
    BEFORE: "deleting inside the transaction",
    AFTER: "deleting in `on_commit`",
    "ttl-only": "waiting for the timeout",
}
MOVED = "moving one line to `on_commit`"  # from BEFORE to AFTER
NONE_AHEAD = "On average no other {} compared here is ahead"
AHEAD = "is ahead on average, but these seeds do not settle it"
MORE = "more seeds may (`--seeds 20`)"
SIMULATED = "Latencies are simulated (the scenario's distributions), not measured on your machines."
REAL = "Latencies are this machine's, with those slept that the application would add; not those of your machines."
LIMITS = (
    "No delete is lost, no replica lags, no server fails: each of these would add outdated reads.",
    "Costs count queries, cache calls and entries; what they cost on your hardware is yours to weigh.",
)
APP_LIMITS = (
    "No cache call fails, no replica lags, no server stops: each of these would add outdated reads.",
    "Workers share one process here: what a module keeps in its variables is the same for all of them.",
    "The database's times are the scenario's, a statement like any other; Python's own time costs nothing.",
)


@dataclass(frozen=True)
class Answer:
    """What to tell a reader about one case; texts may hold `code` in backticks.

    `groups` are the strategies that none is ahead of; `lead` contrasts two strategies, `choice` says how to choose
    among the `options`, `cautions` what they rest on.
    """

    case: Case
    groups: list[Group]
    lead: str
    choice: str
    options: list[str]
    cautions: list[str]
    alarms: list[str]


def answer(case: Case, more: Callable[[str], str] = lambda _label: "") -> Answer:
    """Return the answer that the outcomes of *case* support; *more* is what else to say of an option."""
    ranking = rank(case)
    return Answer(
        case,
        ranking.groups,
        lead=_lead(case, ranking.groups),
        choice=_choice(case, ranking),
        options=[_option(case, group, more(group.leader)) for group in ranking.groups],
        cautions=[*_not_settled(case, ranking), *_cautions(case, ranking.groups), *culled(case)],
        alarms=alarms(case),
    )


def answer_text(outcomes: Sequence[Outcome], width: int) -> list[str]:
    """Return the answers as plain lines of at most *width* characters."""
    return plain_lines(map(answer, cases(outcomes)), width)


def plain_lines(answers: Iterable[Answer], width: int) -> list[str]:
    """Return *answers* as plain lines of at most *width* characters."""
    lines: list[str] = []
    for found in answers:
        case = found.case
        lines += ["", f"{case.title}:", found.lead, found.choice, *(f"  - {option}" for option in found.options)]
        lines += [*found.cautions, *(f"Check: {alarm}" for alarm in found.alarms), *_sentences(case.remarks)]
    return [part for line in lines for part in wrapped(line.replace("`", ""), width)]


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most *width* characters; an empty one is one piece."""
    indent = "    " if line.startswith("  - ") else ""
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _sentences(notes: list[str]) -> list[str]:
    return [f"Note: {note}." for note in notes]


def _lead(case: Case, groups: list[Group]) -> str:
    """Return the sentence that contrasts two strategies in wrong pages."""
    labels = contenders(case)
    if not labels:
        return "Only bounds were run: there is nothing to choose from."
    if not groups:
        failed = any(case.total(label, "failures") for label in labels)
        return f"{'Every read failed' if failed else 'No read was measured'}: there is nothing to judge."
    labels = [label for label in labels if case.judged(label)]
    if BEFORE in labels and AFTER in labels and not case.of_project:
        return _contrast(case, BEFORE, AFTER)
    worst = max(labels, key=lambda label: interval(case, label, "wrong_ratio").mean)
    best = groups[0].leader
    if case.kind.familiar in labels and case.kind.familiar != best:
        worst = case.kind.familiar
    return f"{_rate(case, worst)}, {_serves(case, worst)}." if worst == best else _contrast(case, worst, best)


def _contrast(case: Case, worse: str, better: str) -> str:
    before, after = wrong_pages(case, worse), wrong_pages(case, better)
    turn = MOVED if (worse, better) == (BEFORE, AFTER) and not case.of_project else _called(case, better)
    sign = compare(case, better, worse, "wrong_reads_per_day")
    if before.mean == after.mean == 0:
        return f"{_rate(case, worse)}, {_serves(case, worse)}; neither did {turn}."
    now = _now(case, worse, better) if after.mean else figure(case, better, "wrong_reads_per_day")
    change = {
        -1: f"cuts that to {now}",
        1: f"raises that to {now}",
        0: f"makes that {now}, a difference that these seeds cannot prove,",
    }[sign]
    if case.values(worse, "wrong_reads_per_day") == case.values(better, "wrong_reads_per_day"):
        change = "leaves that the same," + (f" {parts(case, better)}," if case.is_mixed(better) else "")
    return f"{_rate(case, worse)}, {_serves(case, worse)}; {turn} {change} {_queries(case, worse, better)}."


def _now(case: Case, worse: str, better: str) -> str:
    """Return what the better of two strategies serves; that it serves other wrong pages than the worse one is said."""
    after = wrong_pages(case, better)
    count = f"about {people(after.mean)}{span(after)}"
    if not case.is_mixed(better):
        return count
    ones = "" if case.is_mixed(worse) else " wrong ones"
    return f"about {people(after.mean)}{ones}{span(after)}, {parts(case, better)},"


def _rate(case: Case, label: str) -> str:
    reads = case.total(label, "reads") / sum(outcome.measured_s for outcome in case.by_strategy[label])
    return f"At {float(f'{reads:.2g}'):,g} reads a second"


def _called(case: Case, label: str) -> str:
    return f"`{label}`" if case.of_project else PHRASES.get(label, f"`{label}`")


def _serves(case: Case, label: str) -> str:
    who = _called(case, label)
    if not interval(case, label, "wrong_ratio").mean:
        return f"{who} served no {case.fault} page that {case.judged(label):,} reads could show"
    if case.is_mixed(label):
        return f"{who} serves {pages(case, label)}, {parts(case, label)}"
    return f"{who} serves {pages(case, label)}, the oldest {oldest(case, label)} out of date"


def _queries(case: Case, worse: str, better: str) -> str:
    before, after = (people(interval(case, label, "db_queries_per_s").mean) for label in (worse, better))
    if before == after:
        return f"for no extra {case.kind.queries} ({after} a second either way)"
    known = "" if compare(case, better, worse, "db_queries_per_s") else ", which these seeds cannot tell apart"
    return f"at {after} {case.kind.queries} a second instead of {before}{known}"


def _choice(case: Case, ranking: Ranking) -> str:
    labels = contenders(case)
    if len(labels) == 1:
        if case.of_project:
            return f"Only `{labels[0]}` was run beside no cache: there is nothing to choose from."
        return f"Only `{labels[0]}` was run: there is nothing to compare it with."
    writes = case.writes(labels[0]) if labels else FEW_WRITES
    if writes < FEW_WRITES:
        few = f"Only {plural(writes, 'write')} {'was' if writes == 1 else 'were'}" if writes else "No write was"
        return f"{few} measured: {'too few' if writes else 'there is nothing'} to choose by. {_so_far(case, ranking)}"
    text = _advice(case, ranking)
    return f"Going by one seed: {text[:1].lower()}{text[1:]}" if len(case.seeds) == 1 else text


def _margin(case: Case) -> str:
    return f"(a difference in {case.fault} reads below {RARE_SHARE:.2%} of all reads does not count)"


def _a(fault: str) -> str:
    """Return "an outdated" or "a wrong"."""
    return f"{'an' if fault == 'outdated' else 'a'} {fault}"


def _so_far(case: Case, ranking: Ranking) -> str:
    """Return who is ahead, where that is no reason to choose anybody."""
    leaders = [group.leader for group in ranking.groups]
    if len(leaders) > 1:
        return (
            f"So far, {_none_ahead(case)[:1].lower()}{_none_ahead(case)[1:]} of these {_margin(case)}, freshest first:"
        )
    return f"So far `{leaders[0]}` is ahead on average:" if leaders else _no_choice(case)


def _no_choice(case: Case) -> str:
    return f"There is no {case.kind.one} to choose."


def _none_ahead(case: Case) -> str:
    return NONE_AHEAD.format(case.kind.one)


def _advice(case: Case, ranking: Ranking) -> str:
    leaders = [group.leader for group in ranking.groups]
    never = [label for label in leaders if never_wrong(case, label)]
    others = [label for label in leaders if label not in never]
    if not leaders:
        return _no_choice(case)
    if max(len(never), len(others)) > 1:
        cost = f"It depends on what {_a(case.fault)} read costs you."
        return f"{cost} {_none_ahead(case)} of these {_margin(case)}, freshest first:"
    if never and others:
        rest = f"`{others[0]}` {AHEAD}" if ranking.unsettled else f"choose `{others[0]}`"
        return f"If no {case.fault} read is acceptable, choose `{never[0]}`; otherwise {rest}:"
    return (
        f"`{leaders[0]}` {AHEAD}:"
        if ranking.unsettled
        else f"Choose `{leaders[0]}`. {_none_ahead(case)} of it {_margin(case)}:"
    )


def _option(case: Case, group: Group, more: str) -> str:
    label = group.leader
    saved = figure(case, label, "db_queries_saved_ratio")
    seen_wrong = bool(interval(case, label, "wrong_ratio").mean)
    wrong = f"{case.fault}: {figure(case, label, 'wrong_ratio')}"
    if seen_wrong:
        mixed = case.is_mixed(label)
        wrong = f"{pages(case, label)}, " + (f"{parts(case, label)}" if mixed else f"oldest {oldest(case, label)}")
    queries = interval(case, label, "db_queries_per_s").mean
    seen = (
        f"{people(queries)} {case.kind.queries} a second"
        if queries
        else f"no {case.kind.query} in {case.total(label, 'requests'):,} requests"
    )
    calls = f"{interval(case, label, 'cache_calls_per_request').mean:.2f} cache calls per request"
    text = f"`{label}`: {wrong}, {seen} ({saved} saved), {calls}. {guarantee(case, label)}{more}".rstrip()
    return f"{text} {_as_good(case, group, seen_wrong=seen_wrong)}" if group.equals else text


def _as_good(case: Case, group: Group, *, seen_wrong: bool) -> str:
    """Return the sentence on those that equal a leader, with the margins."""
    found = [f"`{one}` ({interval(case, one, 'cache_calls_per_request').mean:.2f} calls)" for one in group.equals]
    wrong = f"{case.fault} reads within {EQUAL_SHARE:.0%}" if seen_wrong else f"no {case.fault} read seen either"
    whole = "of those without a cache" if case.of_project else "of the reads"
    return f"As good ({wrong}, {case.kind.queries} within {NEGLIGIBLE_SHARE:.1%} {whole}): {listed(found)}."


def _not_settled(case: Case, ranking: Ranking) -> list[str]:
    """Return what these seeds leave open: it is no recommendation."""
    found = []
    for leader, labels in ranking.unsettled.items():
        alike: dict[str, list[str]] = {}
        for one in labels:
            wrong, saved = (figure(case, one, metric) for metric in ("wrong_ratio", "db_queries_saved_ratio"))
            alike.setdefault(f"{case.fault}: {wrong}, {saved} of the {case.kind.queries} saved", []).append(f"`{one}`")
        behind = [f"{listed(names)} ({figures})" for figures, names in alike.items()]
        found.append(
            f"Not settled: these seeds cannot rank `{leader}` and, worse on average, {listed(behind)}; {MORE}."
        )
    pairs = "; ".join(f"`{ours}` and `{theirs}`" for ours, theirs in ranking.level)
    return [*found, f"Not settled: these seeds cannot rank by {case.fault} reads {pairs}; {MORE}."] if pairs else found


def _cautions(case: Case, groups: list[Group]) -> list[str]:
    unseen = [
        group.leader
        for group in groups
        if not interval(case, group.leader, "wrong_ratio").mean and not never_wrong(case, group.leader)
    ]
    found = [_none_is_not_never(case, unseen[0])] if unseen else []
    never = [label for label in contenders(case) if never_wrong(case, label)]
    return [*found, _never_by_design(case, never)] if never and groups else found


def _never_by_design(case: Case, never: list[str]) -> str:
    who = [f"`{label}` ({figure(case, label, 'db_queries_saved_ratio')} of the queries saved)" for label in never]
    text = (
        f"If no {case.fault} read is acceptable: by design, only {listed(['no cache at all', *who])} never serve one."
    )
    costlier = [f"`{label}`" for label in never if not saves_queries(case, label)]
    return (
        f"{text} No cache at all costs less than {listed(costlier)}: no more queries, and no cache calls."
        if costlier
        else text
    )


def _none_is_not_never(case: Case, label: str) -> str:
    reads, writes = case.judged(label), case.writes(label)
    text = (
        f"None seen is not never: if reads were independent, {reads:,} of them without {_a(case.fault)} one "
        f"would put the share below {100 * most_unseen_ratio(reads):.2g}% (95% confidence). "
        "But reads between two writes share a fate"
    )
    if not writes:
        return f"{text}, and there were no writes."
    bound = f"{100 * most_unseen_ratio(writes):.2g}%"
    count = "1 write is" if writes == 1 else f"{writes:,} writes are"
    return f"{text}, so {count} the fairer count: up to {bound} of all writes could leave {case.fault} reads behind."
