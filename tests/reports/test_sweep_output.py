"""A sweep's frames, charts and folder: real runs, whose figures are those of the runs and whose texts are apart."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cachewise import Strategy
from cachewise.reports import parse_limits, sweep_frame, sweep_text, write_sweep_report
from cachewise.reports.palette import LOOKS
from cachewise.reports.statistics import mean_interval
from cachewise.reports.sweep import charts, figures
from cachewise.reports.sweep.charts import faces
from cachewise.reports.sweep.points import Field, plan
from cachewise.sim.experiment import Outcome
from cachewise.sim.sweep.found import EVERYWHERE, Axis, Landed, Sweep
from cachewise.strategies import TtlOnly, WriteThrough
from tests.reports.pictures import outside, overlaps, texts
from tests.reports.projects import project
from tests.reports.sweeps import RATES, TIMEOUTS, noise, put, really

FIXED = Axis("writes_per_s", (2.0,))
COMMAND = "cachewise run shop --vary timeout=2,6,20,60 --seeds 3"


@pytest.fixture(scope="module")
def curve() -> Sweep:
    """Return real runs along the timeout, under three seeds."""
    return really(TIMEOUTS, FIXED, (1, 2, 3))


@pytest.fixture(scope="module")
def area() -> Sweep:
    """Return real runs over timeouts and write rates, under two seeds."""
    return really(TIMEOUTS, RATES, (1, 2))


def test_a_row_a_point_with_its_intervals(curve: Sweep) -> None:
    """Each point has its axes, the mean over its seeds and Student's interval; no cache has no timeout."""
    frame = sweep_frame(curve)
    assert frame.columns.tolist()[:5] == ["backend", "strategy", "timeout", "writes_per_s", "seeds"]
    assert frame["seeds"].tolist() == [3] * 13
    assert frame[frame["strategy"] == "no-cache"]["timeout"].isna().tolist() == [True]
    for (name, timeout), row in frame.set_index(["strategy", "timeout"]).iterrows():
        runs = [
            one.outcome.summary["stale_ratio"]
            for one in curve.landed
            if one.contender == name and one.at[0] in (timeout, EVERYWHERE)  # noqa: PD008 - a place
        ]
        interval = mean_interval(runs, 0, 1)
        assert (row["stale_ratio"], row["stale_ratio_low"]) == (interval.mean, interval.low)
    old = frame[frame["strategy"] == "ttl-only"]["stale_ratio"].tolist()
    assert old == sorted(old)
    assert old[0] < old[-1]


def test_the_folder_is_the_same_for_the_same_runs_and_leaves_the_rest_alone(curve: Sweep, tmp_path: Path) -> None:
    """How long the runs took is in no file; cells and what failed stay as they are."""
    slower = replace(
        curve,
        landed=tuple(
            replace(
                one,
                outcome=replace(one.outcome, summary={**one.outcome.summary, "wall_s": 99, "requests_per_wall_s": 1}),
            )
            for one in curve.landed
        ),
    )
    (tmp_path / "first" / "cells").mkdir(parents=True)
    (tmp_path / "first" / "cells" / "1.parquet").write_bytes(b"a cell")
    limits = parse_limits(["stale_ratio=1%"])
    for name, sweep in (("first", curve), ("again", slower)):
        page = write_sweep_report(sweep, tmp_path / name, COMMAND, limits, {"keys"})
        assert page == tmp_path / name / "report.html"
    first, again = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("first", "again")
    )
    assert first.pop("cells/1.parquet") == b"a cell"
    assert first == again
    assert {"report.html", "summary.csv", "points.csv", "charts/shop-on-shared-wrong_ratio.png"} <= first.keys()
    assert len(first) == 7
    table = pd.read_csv(tmp_path / "first" / "summary.csv")
    assert len(table) == len(curve.landed) == 39
    assert "wall_s" not in table


def test_the_page_answers_shows_and_says_where_it_comes_from(area: Sweep, tmp_path: Path) -> None:
    """The answer, the map, each point, and every input, with those that vary; nothing from elsewhere."""
    page = write_sweep_report(area, tmp_path, COMMAND, parse_limits(["stale_ratio=5%"])).read_text()
    assert page.index("What the limits allow") < page.index('role="img"') < page.index("Every point in figures")
    assert page.count('<tr><th scope="row"><svg class="marker"') == 3 * 16 + 4
    assert re.search(r"<code>writes_per_s</code></th><td>0.5, 2, 8, 32</td><td><span class=\"tag yours\">", page)
    assert re.search(r"<code>timeout</code></th><td>2 s, 6 s, 20 s, 60 s</td>", page)
    assert "ttl-only:timeout=(varies)" in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []


def test_real_charts_keep_their_texts_apart(curve: Sweep, area: Sweep) -> None:
    """Curves and the map of real runs: no text covers another, and each contender has its label or is the winner."""
    sheets = list(figures.sheets(Field(curve), ())) + list(
        figures.sheets(Field(area), parse_limits(["stale_ratio=5%"]))
    )
    assert [sheet[0] for _about, sheet in sheets] == ["wrong_ratio", "db_queries_per_s", "response_p99_s", "map"]
    for _about, sheet in sheets:
        assert overlaps(sheet[-1]) == []
        assert outside(sheet[-1]) == []
    labels = [text for text, _place in texts(sheets[0][1][-1])]
    assert all(labels.count(name) == 1 for name in Field(curve).contenders)
    assert "stand-in" in " ".join(labels)


def _strategies(names: list[str]) -> list[type[Strategy]]:
    return [type("Named", (TtlOnly,), {"name": name}) for name in names]


def _crowd(real: Outcome, names: list[str], axes: tuple[Axis, ...], share: Callable[[int, int, int], float]) -> Sweep:
    first, second = axes[0], axes[1] if len(axes) > 1 else Axis("keys", (1.0,))
    landed = [
        Landed(
            put(
                real, cls(), seed, stale_ratio=share(nth, x, y) + noise(seed, 0.0004), response_p99_s=0.001 * (nth + 1)
            ),
            cls.name,
            (value, other)[: len(axes)],
        )
        for nth, cls in enumerate(_strategies(names))
        for x, value in enumerate(first.values)
        for y, other in enumerate(second.values)
        for seed in (1, 2)
    ]
    return Sweep("crowd", axes, tuple(landed))


SEVEN = tuple(10 ** (nth / 2 - 1) for nth in range(7))
LONG = [f"{'W' * 60}-{nth}-$x_1$" for nth in range(3)]


@pytest.mark.proof
@pytest.mark.parametrize("names", [list(LOOKS)[:14], LONG])
@pytest.mark.parametrize(
    "axes",
    [
        (Axis("writes_per_s", SEVEN, log=True),),
        (Axis("write_popularity", ("uniform", "same", "zipf:1.0")),),
        (Axis("writes_per_s", SEVEN, log=True), Axis("timeout", (5.0, 10.0, 20.0, 60.0, 120.0, 300.0, None))),
        (Axis("keys", tuple(range(1, 21))), Axis("timeout", tuple(range(10, 210, 10)))),
    ],
    ids=["curve", "dots", "map", "a large map"],
)
def test_crowded_charts_keep_their_texts_apart(one_run: Outcome, names: list[str], axes: tuple[Axis, ...]) -> None:
    """Fourteen strategies on seven by seven cells, long names, and hundreds of cells: no text covers another."""
    large = len(axes) > 1 and len(axes[0].values) > 7
    sweep = _crowd(
        one_run, names[:4] if large else names, axes, lambda nth, x, y: 0.001 * ((3 * nth + 2 * x + 5 * y) % 11 + 1)
    )
    for _about, sheet in figures.sheets(Field(sweep), ()):
        assert overlaps(sheet[-1]) == []
        assert outside(sheet[-1]) == []


def test_maps_for_each_value_of_a_third_axis_or_at_its_first(one_run: Outcome) -> None:
    """Up to twelve maps; beyond, the others are at their first value, and the answer says so."""
    axes = (Axis("timeout", tuple(range(20))), Axis("writes_per_s", tuple(range(1, 16))))
    few, many = Axis("workers", (1, 2, 4)), Axis("keys", tuple(range(1, 14)))
    assert [len(plan(Field(Sweep("made", (*axes, third), ()))).others) for third in (few, many)] == [3, 1]
    landed = tuple(
        Landed(put(one_run, cls(), seed, stale_ratio=0.1), cls.name, (timeout, rate, keys))
        for cls in (TtlOnly, WriteThrough)
        for timeout in (0, 1)
        for rate in (1, 2)
        for keys in (1, 2)
        for seed in (1, 2)
    )
    text = sweep_text(Sweep("made", (*axes, many), landed), ())
    assert "at keys=1 only" in " ".join(text.split())


def test_one_contender_has_curves_at_every_value_of_the_other_axis(one_run: Outcome) -> None:
    """It wins everywhere: instead of a map there are curves, and the answer says at which place its figures are."""
    landed = tuple(
        Landed(put(one_run, TtlOnly(), seed, stale_ratio=timeout * rate / 100), "ttl-only", (timeout, rate))
        for timeout in (1.0, 2.0)
        for rate in (1.0, 2.0, 4.0)
        for seed in (1, 2)
    )
    sweep = Sweep("made", (Axis("timeout", (1.0, 2.0)), Axis("writes_per_s", (1.0, 2.0, 4.0))), landed)
    assert [about.rpartition(", ")[2] for about, _sheet in figures.sheets(Field(sweep), ())] == [
        *["a timeout of 1 s"] * 3,
        *["a timeout of 2 s"] * 3,
    ]
    text = " ".join(sweep_text(sweep, ()).split())
    assert "ttl-only with a timeout of 2 s, from 1 to 4 writes a second: outdated reads go from 2.00% to 8.00%" in text


def test_winners_of_one_colour_have_shades_of_it() -> None:
    """The cells of a map are told apart by their colour, also where strategies of a kind share one."""
    assert len(set(faces(LOOKS, LOOKS).values())) == len(LOOKS)


def test_variants_of_a_project_are_swept_as_well(tmp_path: Path) -> None:
    """A project's variants stand where strategies do, and are called so; each backend has charts of its own."""
    landed = [
        Landed(one.outcome, one.variant, (rate,))
        for backend in ("redis", "locmem")
        for rate, scale in ((1.0, 0.02), (4.0, 0.05))
        for one in project(seeds=(1, 2), backend=backend, scale=scale)
    ]
    sweep = Sweep("shop", (Axis("writes_per_s", (1.0, 4.0)),), tuple(landed))
    page = write_sweep_report(sweep, tmp_path, "cachewise app run", ()).read_text()
    assert "Fewest statements" in page
    assert "lookups in a cache that hit" in page  # its columns mean what they mean of a project
    assert "Fewest statements on locmem: " in page
    assert pd.read_csv(tmp_path / "points.csv").columns[1] == "variant"
    assert len(list((tmp_path / "charts").iterdir())) == 6
    assert "statements a second" in sweep_text(sweep, ())


def test_amounts_far_apart_can_be_told_apart_although_one_is_zero() -> None:
    """A fifth of a query a second is not on the floor beside no cache's twenty, and 0 stands below it."""
    ax = Figure().add_subplot()
    charts._amounts("db_queries_per_s", [20.0, 0.2, 0.02, 0.0], 20.0, ax)
    heights = [ax.transAxes.inverted().transform(ax.transData.transform((0, one)))[1] for one in (0, 0.02, 0.2, 20)]
    assert all(above - below > 0.08 for below, above in pairwise(heights))
    assert ax.get_yticks()[0] == 0
