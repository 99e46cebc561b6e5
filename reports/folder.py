"""The files that each kind of report puts in its folder."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..sim.app.outcome import AppOutcome
from ..sim.experiment import Outcome
from ..sim.processes.interrupts import interrupts_held
from ..sim.sweep.found import Sweep
from .placing import PAGE, VERIFICATION_CHART, place
from .verification import Everywhere, Verification, verification_frame

if TYPE_CHECKING:
    import pandas as pd

    from .figures import Chart
    from .sweep.limits import Limit


def write_folder(
    outcomes: Sequence[Outcome],
    out_dir: Path | str,
    command: str,
    yours: Collection[str] | None,
    reads: Path | None = None,
) -> Path:
    """Write the report of *outcomes* to *out_dir* and return the page's path; see `reports.write_report`."""

    def build(aside: Path) -> None:
        _build(outcomes, aside, command, yours)
        if reads is not None:
            reads.rename(aside / "reads")

    return place(out_dir, "run", build) / PAGE


def write_app_folder(outcomes: Sequence[AppOutcome], out_dir: Path | str, command: str) -> Path:
    """Write the report of a project to *out_dir* and return the page's path; see `reports.write_app_report`."""
    return place(out_dir, "app", lambda aside: _build_app(outcomes, aside, command)) / PAGE


def write_sweep_folder(
    sweep: Sweep, out_dir: Path | str, command: str, limits: Sequence["Limit"], yours: Collection[str] | None
) -> Path:
    """Write the report of *sweep* to *out_dir* and return the page's path; see `reports.write_sweep_report`."""
    return place(out_dir, "sweep", lambda aside: _build_sweep(sweep, aside, command, limits, yours)) / PAGE


def write_verification(found: Verification, out_dir: Path | str) -> Path:
    """Write the verification's files to *out_dir* and return the chart's path; see `reports.write_verification`."""
    return place(out_dir, "verify", lambda aside: _build_verification(found, aside)) / VERIFICATION_CHART


def _build(outcomes: Sequence[Outcome], aside: Path, command: str, yours: Collection[str] | None) -> None:
    """Write every file of the report into *aside*."""
    with interrupts_held():  # a Ctrl-C in matplotlib's import can crash Python when that ends
        from .answer import answer
        from .figures import draw_charts
        from .frames import cases, run_frame
        from .page import page

    found = cases(outcomes)
    charts = [list(draw_charts(case)) for case in found]
    _write_frame(run_frame(outcomes), aside)
    _write_charts([case.title for case in found], charts, aside)
    _write_page(page([answer(case) for case in found], charts, command, yours), aside)


def _build_app(outcomes: Sequence[AppOutcome], aside: Path, command: str) -> None:
    """Write every file of the report on a project into *aside*."""
    with interrupts_held():
        from .app.answer import answer
        from .app.figures import draw_charts
        from .app.frames import function_frame, over_time_frame, projects, site_frame, with_savings
        from .app.page import details
        from .app.provenance import further_inputs
        from .frames import run_frame
        from .page import page

    found = projects(outcomes)
    charts = [list(draw_charts(one)) for one in found]
    saved = with_savings(outcomes)
    _write_frame(run_frame([one.outcome for one in saved]), aside)
    function_frame(saved).to_csv(aside / "functions.csv", index=False)
    site_frame(saved).to_csv(aside / "call_sites.csv", index=False)
    timed = [one for one in saved if one.over_time]
    if timed:
        over_time_frame(timed).to_csv(aside / "over_time.csv", index=False)
    _write_charts([one.case.title for one in found], charts, aside)
    below, further = ([of(one) for one in found] for of in (details, further_inputs))
    _write_page(page(list(map(answer, found)), charts, command, None, below, further), aside)


def _build_sweep(
    sweep: Sweep, aside: Path, command: str, limits: Sequence["Limit"], yours: Collection[str] | None
) -> None:
    """Write every file of the report on a sweep into *aside*; the cells themselves are not touched."""
    with interrupts_held():
        from .sweep.answer import answer
        from .sweep.figures import draw_charts
        from .sweep.frames import point_frame, summary_frame
        from .sweep.page import page
        from .sweep.points import Field

    field = Field(sweep)
    charts = list(draw_charts(field, limits))
    summary_frame(sweep).to_csv(aside / "summary.csv", index=False)
    point_frame(field).to_csv(aside / "points.csv", index=False)
    by_title: dict[str, list[Chart]] = {}
    for about, chart in charts:
        by_title.setdefault(about, []).append(chart)
    _write_charts(list(by_title), list(by_title.values()), aside)
    _write_page(page(field, answer(field, limits), charts, command, yours), aside)


def _write_frame(frame: "pd.DataFrame", aside: Path) -> None:
    frame.to_csv(aside / "summary.csv", index=False)
    frame.to_parquet(aside / "summary.parquet", index=False)


def _write_charts(titles: Sequence[str], charts: Sequence[Sequence["Chart"]], aside: Path) -> None:
    (aside / "charts").mkdir()
    for prefix, drawn in zip(_file_names(titles), charts, strict=True):
        for chart in drawn:
            (aside / "charts" / f"{prefix}-{chart.name}.png").write_bytes(chart.png)


def _write_page(text: str, aside: Path) -> None:
    (aside / PAGE).write_text(text, encoding="utf-8", errors="backslashreplace")


def _build_verification(found: Verification, aside: Path) -> None:
    with interrupts_held():
        from .figures import draw_verification

    frame = verification_frame(found)
    frame.to_csv(aside / "verify.csv", index=False)
    (aside / VERIFICATION_CHART).write_bytes(draw_verification(Everywhere.of(found.measured), frame))


def _file_names(titles: Sequence[str]) -> list[str]:
    """Return a file name for every title: valid on any system, and each different."""
    names: list[str] = []
    for title in titles:
        name = re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-")[:80] or "case"
        names.append(name if name not in names else f"{name}-{len(names)}")
    return names
