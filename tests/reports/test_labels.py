"""Labels and charts: nothing overlaps, whatever the points; every strategy keeps its look."""

import html
import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from cachewise.reports import figures
from cachewise.reports.frames import Case, cases
from cachewise.reports.labels import spread
from cachewise.reports.palette import COLOURS, GREY, LOOKS, looks
from cachewise.reports.svg import drawn, marker
from cachewise.sim.experiment import Outcome
from tests.reports.pictures import outside, overlaps, texts

Made = Callable[..., Outcome]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60))
def test_spread_positions_keep_their_distance(wanted: list[float]) -> None:
    """Positions keep the order, are a gap apart, and stay within the limits if there is room."""
    found = spread(sorted(wanted), 2.0, 0.0, 150.0)
    assert all(after - before >= 2.0 - 1e-9 for before, after in pairwise(found))
    assert found[0] >= 0
    assert found[-1] <= 150 + 1e-9


def test_spread_leaves_alone_what_is_apart() -> None:
    """Positions with enough room do not move; crowded ones part symmetrically."""
    assert spread([1.0, 5.0, 9.0], 2.0, 0.0, 10.0).tolist() == [1, 5, 9]
    assert spread([5.0, 5.0], 2.0, 0.0, 10.0).tolist() == [4, 6]


def _points(made: Made, rows: list[tuple[str, float, float]]) -> Case:
    outcomes = [
        made(label, seed, stale_ratio=stale, hit_ratio=saved, db_queries_saved_ratio=saved)
        for label, saved, stale in rows
        for seed in (1, 2)
    ]
    return cases(outcomes)[0]


def _adversaries() -> dict[str, list[tuple[str, float, float]]]:
    names = list(LOOKS)
    rng = np.random.default_rng(3)
    return {
        "all points equal": [(name, 0.5, 0.01) for name in names],
        "all zeros": [(name, 0.9, 0.0) for name in names],
        "thirty points": [(f"s{nth}", float(rng.random()), float(10 ** rng.uniform(-6, 0))) for nth in range(30)],
        "forty zeros": [(f"s{nth}", 1.0, 0.0) for nth in range(40)],
        "long names": [(f"{'W' * 60}-{nth}-$x_1$", 0.1 * nth, 0.1**nth) for nth in range(8)],
        "one point": [("only", 0.0, 0.0)],
        "all reads stale": [(name, 1.0, 1.0) for name in names],
        "one stale read of a billion": [("a", -40.0, 1e-9), ("b", 1.0, 1.0)],
    }


@pytest.mark.parametrize("name", _adversaries())
@pytest.mark.parametrize("draw", [figures._headline, figures._ages])
def test_no_two_texts_overlap(made: Made, name: str, draw: Callable[[Case], tuple[str, str, str, Figure]]) -> None:
    """Whatever the points, no text of a labelled chart covers another or leaves the picture."""
    figure = draw(_points(made, _adversaries()[name]))[-1]
    assert overlaps(figure) == []
    assert outside(figure) == []


@pytest.mark.parametrize("draw", [figures._queries, figures._prices, figures._traffic, figures._hits])
def test_no_two_texts_overlap_in_the_other_charts(
    busy: list[Outcome], draw: Callable[[Case], tuple[str, str, str, Figure]]
) -> None:
    """The other charts of a real experiment keep their texts apart and inside the picture."""
    figure = draw(cases(busy)[0])[-1]
    assert overlaps(figure) == []
    assert outside(figure) == []


def test_every_strategy_is_labelled_in_the_headline(busy: list[Outcome]) -> None:
    """Each strategy's label is in the headline chart once, those at the same point and the unseen ones too."""
    case = cases(busy)[0]
    shown = [text for text, _ in texts(figures._headline(case)[-1])]
    assert [shown.count(label) for label in case.by_strategy] == [1] * len(case.by_strategy)
    assert "none\nseen" in shown


def test_looks_do_not_depend_on_the_company() -> None:
    """A strategy, listed or not, looks the same alone and among others, with or without a parameter."""
    names = [*LOOKS, "mine"]
    together = looks(names)
    assert len(set(together.values())) == len(names)
    assert all(looks([name])[name] == look for name, look in together.items())
    assert looks(["ttl-only:timeout=5"])["ttl-only:timeout=5"] == together["ttl-only"]


def test_strategies_of_one_colour_have_markers_of_their_own() -> None:
    """What stands before the names in the tables differs; what is black on the charts has the colour of the words."""
    markers = {name: marker(look) for name, look in LOOKS.items()}
    assert len(set(markers.values())) == len(LOOKS)
    assert 'fill="currentColor"' in markers["ttl-only"]


def test_charts_on_the_page_have_the_colours_of_its_paper(busy: list[Outcome]) -> None:
    """No colour that is only for white paper is left in them, and their words are text."""
    for chart in figures.draw_charts(cases(busy)[0]):
        assert set(re.findall(r"#[0-9a-f]{6}\b", chart.svg)) <= {*COLOURS, GREY}, chart.name
        assert f">{chart.title}</text>" in chart.svg


def test_charts_on_the_page_keep_their_words() -> None:
    """Their numbers for places are shortened and their colours exchanged, but nothing that people read."""
    words = "0.00123% of #ffffff, url(#a) xlink:href 1 < 2 & 3"
    figure = Figure()
    figure.text(1 / 7, 1 / 7, words)
    shown = drawn(figure)
    assert [html.unescape(one) for one in re.findall(r"<text[^>]*>([^<]*)</text>", shown)] == [words]
    assert not re.search(r"\d\.\d{3}", shown.replace("0.00123", ""))


def test_variants_of_a_strategy_do_not_look_alike() -> None:
    """The same strategy with twenty timeouts, beside all the others, has twenty looks; the first is its name's."""
    names = [*(f"ttl-only:timeout={timeout}" for timeout in range(20)), *(name for name in LOOKS if name != "ttl-only")]
    chosen = looks(names)
    assert len(set(chosen.values())) == len(names)
    assert chosen["ttl-only:timeout=0"] == LOOKS["ttl-only"]


def test_every_chart_says_what_the_stand_in_is(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Each chart of a `shared` case says that it is a stand-in; those of other backends do not."""
    assert "stand-in" in figures.footer(cases(busy)[0], intervals=True)
    assert "stand-in" not in figures.footer(cases(quiet)[0], intervals=True)
    assert "one seed" in figures.footer(cases(quiet)[0], intervals=True)


def test_charts_are_the_same_bytes_again(quiet: list[Outcome]) -> None:
    """The same outcomes give the same pictures, byte for byte."""
    first, again = (list(figures.draw_charts(cases(quiet)[0])) for _ in range(2))
    assert [(chart.png, chart.svg) for chart in first] == [(chart.png, chart.svg) for chart in again]
    assert len(first) == 6
