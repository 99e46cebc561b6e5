"""The end of a run: puts the records and the judge's verdicts together."""

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np

from ..judge.verdict import Verdict
from ..verdict.result import Run
from .figures import Around, HitColumns, ReadColumns, figures_of
from .outcome import AppOutcome
from .record import ReadRow, Recorder


def outcome_of(
    run: Run,
    functions: Sequence[str],
    recorder: Recorder,
    verdicts: Sequence[Verdict],
    *,
    with_reads: bool = False,
) -> AppOutcome:
    """Return the outcome of *run*; *functions* are the read functions, in the order of the file."""
    names = list(dict.fromkeys([*functions, *(row.function for row in recorder.rows)]))
    by_number = {verdict.number: verdict for verdict in verdicts}
    reads = read_columns(recorder, names, by_number)
    around = Around(
        requests=recorder.requests,
        writes=sum(at_s >= run.scenario.warmup_s for at_s in recorder.commit_s[1:]),
        statement_s=np.array(recorder.statement_s),
        sites=recorder.sites.rows(),
        failures=[(name, count, recorder.first_failure[name]) for name, count in recorder.failures.items()],
        events=recorder.events,
        logouts_s=recorder.logouts_s,
        notes=recorder.notes,
    )
    found = figures_of(run, names, reads, _hits(recorder.rows), around)
    return replace(found, reads=reads) if with_reads else found


def read_columns(recorder: Recorder, names: list[str], verdicts: dict[int, Verdict]) -> ReadColumns:
    """Return one entry a read, with its verdict."""
    rows = recorder.rows
    codes = {name: code for code, name in enumerate(names)}
    found = [verdicts.get(row.number) for row in rows]
    column: Any = lambda values, dtype: np.array(list(values), dtype)  # noqa: E731
    return ReadColumns(
        function=column((codes[row.function] for row in rows), np.int64),
        arrival_s=column((row.span.arrival_s for row in rows), np.float64),
        start_s=column((row.span.start_s for row in rows), np.float64),
        end_s=column((row.span.end_s for row in rows), np.float64),
        status=column((row.status or 0 for row in rows), np.int64),
        lookups=column((row.note.lookups for row in rows), np.int64),
        lookup_hits=column((row.note.lookup_hits for row in rows), np.int64),
        statements=column((row.note.statements for row in rows), np.int64),
        db_s=column((row.note.db_s for row in rows), np.float64),
        outdated_s=column((_outdated_s(recorder, one) for one in found), np.float64),
        never_true=column((one is not None and one.never_true for one in found), np.bool_),
        own_edit_unseen=column(
            (_own_edit_unseen(recorder, row, one) for row, one in zip(rows, found, strict=True)), np.bool_
        ),
        failed=column(
            (not row.judged or (one is not None and one.unknown) for row, one in zip(rows, found, strict=True)),
            np.bool_,
        ),
        digest=column((row.digest for row in rows), np.bytes_),
    )


def _outdated_s(recorder: Recorder, verdict: Verdict | None) -> float:
    if verdict is None or not verdict.stale:
        return nan
    return recorder.commit_s[verdict.outdated_by]


def _own_edit_unseen(recorder: Recorder, row: ReadRow, verdict: Verdict | None) -> bool:
    """Return whether an outdated read misses a commit of its own user's."""
    author = row.note.author
    if author is None or verdict is None or not verdict.stale:
        return False
    return any(recorder.authors[commit] == author for commit in verdict.changed)


def _hits(rows: Sequence[ReadRow]) -> HitColumns:
    found = [(place, site, birth_s) for place, row in enumerate(rows) for site, birth_s in row.note.hits]
    reads, sites, births = zip(*found, strict=True) if found else ((), (), ())
    return HitColumns(np.array(reads, np.int64), np.array(sites, np.int64), np.array(births, np.float64))
