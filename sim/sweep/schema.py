"""The schema of all cells: turns a run's outcome into a row of a table, and back again without any loss."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa

from ..experiment import Outcome, strategy_spec
from ..verdict.metrics import APP_METRICS, MACHINE_METRICS, METRICS
from ..verdict.result import Run
from ..world.scenario import DEFAULTS, is_number

FIGURES = tuple(dict.fromkeys(name for name in (*METRICS, *APP_METRICS) if name not in MACHINE_METRICS))
SERIES = {  # columns with many values a run, renamed where the outcome's names would clash with fields and figures
    "stale_age_quantiles_s": "stale_age_quantiles_s",
    "db_queries_in_bins_per_s": "db_queries_per_s",
    "reads_in_bins_per_s": "reads_per_s",
}
SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("scenario", pa.string()),
        ("contender", pa.string()),
        ("strategy", pa.string()),
        ("backend", pa.string()),
        ("seed", pa.int64()),
        ("timeout_s", pa.float64()),  # null: the timeout is None, or the contender has no timeout
        *((name, pa.float64() if is_number(name) else pa.string()) for name in DEFAULTS if name != "why"),
        *((name, pa.float64()) for name in FIGURES),  # null: there is no such figure
        ("measured_s", pa.float64()),
        *((name, pa.list_(pa.float64())) for name in SERIES),
        ("notes", pa.list_(pa.string())),
        ("record", pa.string()),  # JSON: the rest of the outcome
    ]
)


@dataclass(frozen=True)
class Landing:
    """The result of a cell: an outcome and, for a project's run, its details as `app_details` writes them."""

    outcome: Outcome
    details: str = ""


def row_of(key: str, contender: str, landing: Landing) -> dict[str, Any]:
    """Return the row of a cell, without figures of the wall clock."""
    outcome, run = landing.outcome, landing.outcome.run
    figures = {name: value for name, value in outcome.summary.items() if name not in MACHINE_METRICS}
    timeout = getattr(run.strategy, "timeout", None)
    return {
        "cell": key,
        "scenario": run.scenario.name,
        "contender": contender,
        "strategy": strategy_spec(run.strategy),
        "backend": run.backend,
        "seed": run.seed,
        "timeout_s": float(timeout) if isinstance(timeout, int | float) else None,
        **{name: _field(name, getattr(run.scenario, name)) for name in DEFAULTS if name != "why"},
        **{name: _figure(figures.get(name)) for name in FIGURES},
        "measured_s": outcome.measured_s,
        **{column: getattr(outcome, name).tolist() for column, name in SERIES.items()},
        "notes": outcome.notes,
        "record": json.dumps(_record(outcome, figures, landing.details), separators=(",", ":")),
    }


def _field(name: str, value: Any) -> Any:
    if is_number(name):
        return float(value) if isinstance(value, int | float) else None  # "auto" and None are not numbers
    return None if value is None else str(value)


def _figure(value: float | None) -> float | None:
    return None if value is None else float(value)


def _record(outcome: Outcome, figures: Mapping[str, float | int], details: str) -> dict[str, Any]:
    return {
        "figures": {name: isinstance(value, int) for name, value in figures.items()},  # in order; true if an int
        "counts": outcome.counts,
        "trace_fields": outcome.trace_fields,
        "frames": outcome.frames,
        "details": details,
    }


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return cells as a table; NaN stays NaN, and a missing value is null."""
    columns = [pa.array([row[one.name] for row in rows], one.type, from_pandas=False) for one in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def landing_of(row: Mapping[str, Any], run: Run) -> Landing:
    """Return the landing of *run* from its row; figures of the machine's speed are unknown."""
    record = json.loads(row["record"])
    summary: dict[str, float | int] = {}
    for name, whole in record["figures"].items():
        summary[name] = int(row[name]) if whole else float(row[name])
    series: dict[str, Any] = {name: np.array(row[column], np.float64) for column, name in SERIES.items()}
    outcome = Outcome(
        run=replace(run, backend=row["backend"]),  # the run of a project has found out its backends
        summary={**summary, **dict.fromkeys(MACHINE_METRICS, nan)},
        counts=record["counts"],
        notes=list(row["notes"]),
        measured_s=row["measured_s"],
        trace_fields=tuple(record["trace_fields"]),
        frames=tuple(record["frames"]),
        **series,
    )
    return Landing(outcome, record["details"])
