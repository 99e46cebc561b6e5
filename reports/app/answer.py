"""The answer for a project: the parts of any answer, and those that only a project has."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from ...sim.app.outcome import AppOutcome
from ...sim.application import AS_IT_IS, NO_CACHE
from ...sim.verdict.metrics import duration, shown
from .. import answer as any_answer
from ..answer import Answer
from ..formatting import figure, listed, people, plural
from ..ranking import contenders, interval, saves_queries
from ..text import plain_lines
from .frames import Project, projects
from .words import difference

COMPARED = {  # the figures that an option compares with the project as it is
    "wrong_ratio": "",  # "outdated" or "wrong"
    "statements_per_read": "statements a read",
    "db_s_per_read": "database time a read",
    "response_p99_s": "response p99",
}
MOST_NAMED = 3


def answer(project: Project) -> Answer:
    """Return the answer that the outcomes of *project* support."""
    found = any_answer.answer(project.case, lambda label: _costs(project, label))
    return replace(
        found,
        cautions=[
            *_changed_nothing(project),
            *found.cautions,
            *_without_a_cache(project),
            *_own_edits(project),
            *_lost(project),
            *_failed(project),
        ],
        alarms=[*_mostly_failed(project), *_wrong_without_a_cache(project), *found.alarms, *_timeouts(project)],
    )


def answer_text(outcomes: Sequence[AppOutcome], width: int) -> list[str]:
    """Return the answers as plain lines of at most *width* characters, then the first traceback of each failure."""
    found = projects(outcomes)
    lines = plain_lines(map(answer, found), width)
    for said, frames in (each for project in found for each in tracebacks(project)):
        lines += ["", f"{said}; the first time:", *(f"    {line}" for line in frames.splitlines())]
    return lines


def tracebacks(project: Project) -> list[tuple[str, str]]:
    """Return each first traceback once, with its function, and how often that failed with which variant."""
    found: dict[tuple[str, str], list[str]] = {}
    for label in project.by_variant:
        for name, (count, frames) in project.failures(label).items():
            found.setdefault((name, frames.rstrip()), []).append(f"{plural(count, 'time')} with {label}")
    return [(f"{name} failed {listed(counts)}", frames) for (name, frames), counts in found.items()]


def _costs(project: Project, label: str) -> str:
    """Return the database time that a variant saves, and how it differs from the project as it is."""
    case = project.case
    saved, time_s = (interval(case, label, metric).mean for metric in ("db_time_saved_ratio", "db_s_per_read"))
    against = "" if isnan(saved) else f" ({shown('db_time_saved_ratio', saved, {})} saved)"
    p99_s = interval(case, label, "response_p99_s").mean
    costs = f"A read waits {duration(time_s)} for the database{against}. Its response p99 is {duration(p99_s)}."
    if label == AS_IT_IS or AS_IT_IS not in project.by_variant:
        return costs
    told, open_ones = [], []
    for metric, name in COMPARED.items():
        found = project.difference("", label, metric)
        named = name or f"{case.fault} reads"
        if isnan(found.mean):
            continue
        told.append(f"{named} {difference(metric, found)}{'' if name else ' points'}")
        if found.known and not found.excludes_zero and found.mean:
            open_ones.append(named)
    by_chance = f" The difference in {listed(open_ones)} may be chance." if open_ones else ""
    return f"{costs} Against `{AS_IT_IS}`: {', '.join(told)}.{by_chance}"


def _timeouts(project: Project) -> list[str]:
    """Return a sentence if the run is too short to show how entries expire in the long run."""
    case = project.case
    most = {
        where: max((row["timeout"] or 0 for row in several[AS_IT_IS] if row["calls"]), default=0)
        for where, several in project.sites.items()
        if AS_IT_IS in several
    }
    longest_s = max(most.values(), default=0)
    found = []
    spans = {"warm-up": case.scenario.warmup_s, "measured time": case.outcomes[0].measured_s}
    effects = {
        "warm-up": "entries of the start still expire at about the same time",
        "measured time": "little or nothing expired there",
    }
    for name, span_s in spans.items():
        longer = sum(timeout_s > span_s for timeout_s in most.values())
        if longer:
            sites = f"{longer} of {plural(len(most), 'cache call site')} (the longest is {duration(longest_s)})"
            found.append(f"The {name} ({duration(span_s)}) is shorter than the timeout at {sites}, so {effects[name]}.")
    return found


def _changed_nothing(project: Project) -> list[str]:
    labels = [f"`{label}`" for label in project.changed_nothing if label != NO_CACHE]
    found = []
    if labels:
        whose = "its" if len(labels) == 1 else "their"
        brief = any(project.changes(label, "timeouts") for label in project.changed_nothing)
        last = "no key fits the pattern, or nothing lived that long in the run" if brief else "no key fits the pattern"
        found.append(
            f"{listed(labels)} changed nothing: {whose} runs equal those of `{AS_IT_IS}` byte for byte. Perhaps the "
            f"URLconf had bound the old view already, a signal still holds the old receiver, or {last}."
        )
    if NO_CACHE in project.changed_nothing:
        found.append(f"`{NO_CACHE}` equals `{AS_IT_IS}` byte for byte: these reads use no cache.")
    return found


def _without_a_cache(project: Project) -> list[str]:
    case = project.case
    if NO_CACHE not in case.by_strategy or NO_CACHE in project.changed_nothing:
        return []
    per_s, time_s, p99_s = (
        interval(case, NO_CACHE, metric).mean for metric in ("db_queries_per_s", "db_s_per_read", "response_p99_s")
    )
    costs = f"{people(per_s)} statements a second, {duration(time_s)} of database time a read, p99 {duration(p99_s)}"
    found = [f"Without a cache: {costs}, {case.fault}: {figure(case, NO_CACHE, 'wrong_ratio')}."]
    idle = [f"`{label}`" for label in contenders(case) if not saves_queries(case, label)]
    if idle:
        found.append(
            f"{listed(idle)} {'saves' if len(idle) == 1 else 'save'} no statement compared with no cache at all."
        )
    return found


def _wrong_without_a_cache(project: Project) -> list[str]:
    case = project.case
    if NO_CACHE not in case.by_strategy or not interval(case, NO_CACHE, "wrong_ratio").mean > 0:
        return []
    share = figure(case, NO_CACHE, "wrong_ratio")
    text = (
        f"Reads without a cache were wrong, too ({share} of them). The cause is the project's memory (such as "
        "`lru_cache`), the clock or chance, not the cache. Only the difference from them comes from the cache."
    )
    return [text]


def _own_edits(project: Project) -> list[str]:
    case = project.case
    unseen = {label: interval(case, label, "own_edit_unseen_ratio").mean for label in contenders(case)}
    worst = sorted((label for label in unseen if unseen[label] > 0), key=lambda label: -unseen[label])
    shares = {label: shown("own_edit_unseen_ratio", unseen[label], {}) for label in worst}
    named, others = worst[:MOST_NAMED], worst[MOST_NAMED:]
    if not named:
        return []
    alike = sum(shares[label] == shares[named[-1]] for label in others)
    more = f"; as often with {plural(alike, 'other')}" if alike else ""
    more += f"; less often with {plural(len(others) - alike, 'other')}" if alike < len(others) else ""
    told = listed([f"{shares[label]} with `{label}`" for label in named])
    return [f"Users did not always see their own edits (shares of the reads): {told}{more}."]


def _lost(project: Project) -> list[str]:
    lost = {label: project.lost(label) for label in project.by_variant}
    told = [f"{count:,} with `{label}`" for label, count in lost.items() if count]
    seeds = plural(len(project.case.seeds), "run")
    text = f"Stores lost entries, such as sessions (a `clear()` logs their users out): {listed(told)}, in {seeds} each."
    return [text] if told else []


def _mostly_failed(project: Project) -> list[str]:
    """Return a sentence for each function of which most reads failed, as its figures rest on the few others."""
    found = []
    for function in project.functions:
        told, unknown = [], False
        for label in project.by_variant:
            reads, failed = (project.total(function, label, count) for count in ("reads", "failures"))
            if 2 * failed > reads:
                told.append(f"{failed:,} of {plural(reads, 'read')} with `{label}`")
                unknown |= project.failures(label).get(function, (0, ""))[0] < failed
        if told:
            verb = "failed or could not be judged" if unknown else "failed"
            found.append(f"Most reads of `{function}` {verb}, so little is known of it: {listed(told)}.")
    return found


def _failed(project: Project) -> list[str]:
    told = []
    for label in project.by_variant:
        failed = project.failures(label)
        if failed:
            counts = listed([f"{name} {count:,}" for name, (count, _frames) in failed.items()])
            told.append(f"`{label}` ({counts})")
    return [f"Some requests failed. They are not among the reads that were judged: {'; '.join(told)}."] if told else []
