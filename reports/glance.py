"""At a glance: one line for each case on who is ahead, who is as good, and whether that is settled."""

from .alarms import FEW_SEEDS, FEW_WRITES, too_few_seeds, too_few_writes
from .answer import Answer
from .formatting import figure, listed, plural
from .frames import Case
from .ranking import Group, contenders

MOST_NAMED = 4


def verdict(found: Answer) -> str:
    """Return "settled", or "not settled: " and the reasons."""
    doubts = _doubts(found)
    return f"not settled: {'; '.join(doubts)}" if doubts else "settled"


def _doubts(found: Answer) -> list[str]:
    case, ranking, doubts = found.case, found.ranking, []
    if not ranking.groups or len(contenders(case)) == 1:
        return ["there is nothing to compare"]
    writes, seeds = case.writes(contenders(case)[0]), len(case.seeds)
    if writes < FEW_WRITES:
        doubts.append(f"only {plural(writes, 'write')}" if writes else "no write")
    if seeds < FEW_SEEDS:
        doubts.append("one seed" if seeds == 1 else f"only {seeds} seeds")
    behind = [one for labels in ranking.unsettled.values() for one in labels]
    if behind:
        doubts.append(f"{_some(behind)} may be as good or better")
    if ranking.level:
        doubts.append("which of these is the freshest")
    further = len(found.alarms) - len(too_few_writes(case)) - len(too_few_seeds(case))
    if further:
        doubts.append(f"{plural(further, 'warning')} on the scenario")
    return doubts


def ahead(found: Answer) -> list[str]:
    """Return a line for each leader, with its figures and those that are as good."""
    return [_leader(found.case, group) for group in found.ranking.groups] or [f"no {found.case.kind.one}"]


def _leader(case: Case, group: Group) -> str:
    wrong, saved = (figure(case, group.leader, metric) for metric in ("wrong_ratio", "db_queries_saved_ratio"))
    figures = f"{case.fault}: {wrong}; {saved} of the {case.kind.queries} saved"
    as_good = f"; as good: {_some(list(group.equals))}" if group.equals else ""
    return f"`{group.leader}` ({figures}){as_good}"


def _some(labels: list[str]) -> str:
    """Return the first of these labels, and how many more there are."""
    named = labels if len(labels) <= MOST_NAMED else labels[: MOST_NAMED - 1]
    more = len(labels) - len(named)
    return listed([*(f"`{label}`" for label in named), *([f"{more} more"] if more else [])])
