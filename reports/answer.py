"""The answer: what a case means in the reader's units, and which strategy to choose."""

from collections.abc import Callable
from dataclasses import dataclass

from .alarms import FEW_WRITES, alarms
from .culls import culled
from .formatting import figure, guarantee, listed, oldest, pages, parts, people, plural, with_article
from .frames import Case
from .lead import lead
from .more_seeds import more_seeds
from .ranking import (
    EQUAL_SHARE,
    NEGLIGIBLE_SHARE,
    RARE_SHARE,
    Group,
    Ranking,
    contenders,
    interval,
    never_wrong,
    rank,
    saves_queries,
    seeds_to_part,
    seeds_to_rank,
)
from .statistics import most_unseen_ratio

AHEAD = "is ahead on average, but more seeds are needed to be sure."
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

    `ranking` has the strategies that none is ahead of, and what is open; `lead` contrasts two strategies, `choice` says
    how to choose among the `options`, `cautions` what they rest on.
    """

    case: Case
    ranking: Ranking
    lead: str
    choice: str
    options: list[str]
    cautions: list[str]
    alarms: list[str]


def answer(case: Case, more: Callable[[str], str] = lambda _label: "") -> Answer:
    """Return the answer that the outcomes of *case* support; *more* gives a further sentence on an option."""
    ranking = rank(case)
    return Answer(
        case,
        ranking,
        lead=lead(case, ranking.groups),
        choice=_choice(case, ranking),
        options=[_option(case, group, more(group.leader)) for group in ranking.groups],
        cautions=[*_not_settled(case, ranking), *_cautions(case, ranking.groups), *culled(case)],
        alarms=alarms(case),
    )


def _choice(case: Case, ranking: Ranking) -> str:
    labels = contenders(case)
    if len(labels) == 1:
        if case.of_project:
            return f"Only `{labels[0]}` was run beside no cache: there is nothing to choose from."
        return f"Only `{labels[0]}` was run: there is nothing to compare it with."
    writes = case.writes(labels[0]) if labels else FEW_WRITES
    if not writes:
        return f"No write was measured, so there is nothing to choose by. {_so_far(case, ranking)}"
    if writes < FEW_WRITES:
        were = "was" if writes == 1 else "were"
        return f"Only {plural(writes, 'write')} {were} measured, too few to choose by. {_so_far(case, ranking)}"
    text = _advice(case, ranking)
    return f"One seed is no more than a hint. {text}" if len(case.seeds) == 1 and ranking.groups else text


def _so_far(case: Case, ranking: Ranking) -> str:
    """Return who is ahead so far, if that is not enough for a choice."""
    leaders = [group.leader for group in ranking.groups]
    if len(leaders) > 1:
        return f"So far, each of these can be the right choice, the freshest first. {_none_ahead(case, leaders)}"
    return f"So far, `{leaders[0]}` is ahead on average." if leaders else _no_choice(case)


def _no_choice(case: Case) -> str:
    return f"There is no {case.kind.one} to choose."


def _none_ahead(case: Case, leaders: list[str]) -> str:
    """Return what being ahead means, and from which difference on it counts."""
    fault, queries = f"{case.fault} reads", case.kind.queries
    fewer = f"fewer {fault} {'than one of them ' if len(leaders) > 1 else ''}without more {queries}"
    cheaper = f"fewer {queries} without more {fault}"
    counts = f"(Differences in {fault} below {RARE_SHARE:.2%} of all reads do not count.)"
    return f"On average, no other {case.kind.one} has {fewer}, or {cheaper}. {counts}"


def _advice(case: Case, ranking: Ranking) -> str:
    leaders = [group.leader for group in ranking.groups]
    never = [label for label in leaders if never_wrong(case, label)]
    others = [label for label in leaders if label not in never]
    if not leaders:
        return _no_choice(case)
    if max(len(never), len(others)) > 1:
        cost = f"It depends on what {with_article(case.fault)} read costs you."
        return f"{cost} Each of these can be the right choice, the freshest first. {_none_ahead(case, leaders)}"
    if never and others:
        rest = f"`{others[0]}` {AHEAD}" if ranking.unsettled else f"choose `{others[0]}`."
        return f"If no {case.fault} read is acceptable, choose `{never[0]}`. Otherwise {rest}"
    if ranking.unsettled:
        return f"`{leaders[0]}` {AHEAD}"
    return f"Choose `{leaders[0]}`. {_none_ahead(case, leaders)}"


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
    """Return the sentences on the strategies that are as good as a leader, with the margins."""
    found = [f"`{one}` ({interval(case, one, 'cache_calls_per_request').mean:.2f} calls)" for one in group.equals]
    they, their = ("It", "its") if len(found) == 1 else ("They", "their")
    wrong = f"{they} served no {case.fault} read either, and {their}"
    if seen_wrong:
        wrong = f"{their.capitalize()} {case.fault} reads differ by at most {EQUAL_SHARE:.0%}, and {their}"
    whole = "those without a cache" if case.of_project else "the reads"
    queries = f"{case.kind.queries} by at most {NEGLIGIBLE_SHARE:.1%} of {whole}"
    if not seen_wrong:
        queries = queries.replace(" by ", " differ by ", 1)
    return f"As good: {listed(found)}. {wrong} {queries}."


def _not_settled(case: Case, ranking: Ranking) -> list[str]:
    """Return the sentences on what these seeds cannot decide; they recommend nothing."""
    found = []
    for leader, labels in ranking.unsettled.items():
        alike: dict[str, list[str]] = {}
        for one in labels:
            wrong, saved = (figure(case, one, metric) for metric in ("wrong_ratio", "db_queries_saved_ratio"))
            alike.setdefault(f"{case.fault}: {wrong}, {saved} of the {case.kind.queries} saved", []).append(f"`{one}`")
        behind = [f"{listed(names)} ({figures})" for figures, names in alike.items()]
        needed = {f"`{one}`": seeds_to_rank(case, leader, one) for one in labels}
        found.append(
            f"Not settled: `{leader}` is better on average than {listed(behind)}, but that may be chance. "
            f"{more_seeds(len(case.seeds), needed)}"
        )
    if ranking.level:
        pairs = [f"`{ours}` or `{theirs}`" for ours, theirs in ranking.level]
        needed = {pair: seeds_to_part(case, *both) for pair, both in zip(pairs, ranking.level, strict=True)}
        which = f"which of two has fewer {case.fault} reads: {'; '.join(pairs)}"
        found.append(f"Not settled: {which}. {more_seeds(len(case.seeds), needed)}")
    return found


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
    who = [f"`{label}` ({_queries_saved(case, label)})" for label in never]
    text = f"If no {case.fault} read is acceptable: only {listed(['no cache at all', *who])} never serve one by design."
    costlier = [f"`{label}`" for label in never if not saves_queries(case, label)]
    if not costlier:
        return text
    return f"{text} No cache at all costs less than {listed(costlier)}: no more queries, and no cache calls."


def _queries_saved(case: Case, label: str) -> str:
    """Return "30.00% of the queries saved" or "4.70% more queries"."""
    saved = figure(case, label, "db_queries_saved_ratio")
    return f"{saved[1:]} more queries" if saved.startswith("-") else f"{saved} of the queries saved"


def _none_is_not_never(case: Case, label: str) -> str:
    reads, writes = case.judged(label), case.writes(label)
    share = f"{100 * most_unseen_ratio(reads):.2g}%"
    text = (
        f"No {case.fault} read was seen with `{label}`, but there may be some. If reads were independent, their share "
        f"would be below {share} (95% confidence), as none of {reads:,} was {case.fault}. "
        "But reads between two writes mostly return the same."
    )
    if not writes:
        return f"{text} Here there were no writes."
    bound = f"{100 * most_unseen_ratio(writes):.2g}%"
    count = "1 write is" if writes == 1 else f"the {writes:,} writes are"
    return f"{text} So {count} the fairer count: after up to {bound} of all writes, reads could be {case.fault}."
