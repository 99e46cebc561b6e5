"""The pages in a real Chromium, wide and narrow, on light and dark paper: `make browser` installs it."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import axe_playwright_python
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from cachewise import reports
from cachewise.scenarios.transactional import SCENARIO
from cachewise.sim.backends import BACKENDS
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.sweep.found import Axis
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES
from tests import browser
from tests.reports.projects import project
from tests.reports.sweeps import really

pytestmark = pytest.mark.proof
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = {"type": "rule", "values": ["color-contrast"]}  # dark paper changes nothing else
ADDRESS = "http://cachewise.test/"
FEW, RATES = Axis("timeout", (2.0, 20.0)), Axis("writes_per_s", (0.5, 8.0), log=True)
VIEWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
Written = Callable[[str], str]


@pytest.fixture(scope="module")
def written(busy: list[Outcome], quiet: list[Outcome], tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return what makes a page of a kind, from short real runs (a project's figures are made), and gives its text."""

    def every_strategy() -> list[Outcome]:
        brief = replace(SCENARIO, reads_per_s=200, warmup_s=3, duration_s=6)
        fit = [one for one in STRATEGIES.values() if not BACKENDS["shared"].lacks(one)]
        return run_all([Run(brief, one(), "shared", seed) for one in fit for seed in (1, 2, 3)], 2)

    @cache
    def text(kind: str) -> str:
        out = tmp_path_factory.mktemp("page")
        if kind == "notebook":
            title = "<title>A notebook</title>"
            return (
                f'<!DOCTYPE html><html lang="en">{title}<main><h1>1</h1><h2>2</h2>{reports.excerpt(busy)}</main></html>'
            )
        write = {
            "every strategy": lambda: reports.write_report(every_strategy(), out, "cachewise run", None),
            "two cases": lambda: reports.write_report([*busy, *quiet], out, "cachewise run", {"keys"}),
            "a project": lambda: reports.write_app_report(
                project(seeds=(1, 2), events=[(180.0, "deploy")], scale=0.05), out, "cachewise run"
            ),
            "curves": lambda: reports.write_sweep_report(
                really(FEW, Axis("writes_per_s", (2.0,)), (1, 2)), out, "cachewise run", ()
            ),
            "a map": lambda: reports.write_sweep_report(really(FEW, RATES, (1, 2)), out, "cachewise run", ()),
        }
        return write[kind]().read_text()

    return text


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return the browser; without one skip, and say so; where CI is true, fail instead."""
    with sync_playwright() as playwright:
        path = browser.find(playwright)
        if path is None:
            message = f"not installed: Chromium; {browser.MEND}"
            pytest.fail(message, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(message)
        root = ["--no-sandbox"] if os.geteuid() == 0 else []  # as containers have it
        with playwright.chromium.launch(executable_path=path, args=root) as found:
            yield found


@pytest.fixture
def shown(chromium: Browser) -> Iterator[Callable[[str], tuple[Page, list[str]]]]:
    """Return what shows a text as a page; also what the browser complained of, or asked of the network meanwhile."""
    page, trouble = chromium.new_page(), []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))

    def show(text: str) -> tuple[Page, list[str]]:
        page.route("**/*", lambda route: route.fulfill(body=text, content_type="text/html; charset=utf-8"))
        page.goto(ADDRESS)
        page.on("request", lambda request: trouble.append(request.url))
        return page, trouble

    yield show
    page.close()


@pytest.mark.parametrize("kind", ["every strategy", "two cases", "a project", "curves", "a map", "notebook"])
def test_a_page_can_be_read_by_everybody(
    kind: str, written: Written, shown: Callable[[str], tuple[Page, list[str]]]
) -> None:
    """With all open: axe-core finds nothing, the page does not scroll sideways, words and marks stand out."""
    page, trouble = shown(written(kind))
    page.add_style_tag(content=".scroll { background: none !important }")  # axe cannot judge words on a gradient
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.evaluate(f"{AXE.read_text()}; 0")
    for width, scheme in VIEWS if kind != "notebook" else VIEWS[:1]:  # a notebook has its own paper
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(RUN_AXE, TAGS if scheme == "light" else COLOURS)
        told = [(one["id"], one["impact"], [node["target"] for node in one["nodes"]]) for one in found["violations"]]
        assert told == [], (width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (width, scheme)
        assert page.evaluate(FAINTEST, ".marker path") >= 2, (width, scheme)  # Okabe and Ito's orange, on white
        if kind != "notebook":
            assert page.evaluate(FAINTEST, ".chart text") >= 4.5, (width, scheme)
    assert trouble == []


RUN_AXE = """rules => axe.run(
    {exclude: ".chart svg"},  // pictures to it: their words are looked at below
    {runOnly: rules, resultTypes: ["violations"]}
)"""
FAINTEST = """selector => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
    const luminance = colour => {
        canvas.fillStyle = colour
        canvas.fillRect(0, 0, 1, 1)
        const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map(
            part => part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
    }
    const seen = getComputedStyle(document.body).backgroundColor
    const paper = luminance(seen === "rgba(0, 0, 0, 0)" ? "white" : seen)
    return Math.min(...[...document.querySelectorAll(selector)].map(one => {
        const mark = luminance(getComputedStyle(one).fill)
        return Math.max(mark, paper) / Math.min(mark, paper)
    }))
}"""


def test_a_table_that_goes_on_shows_it(written: Written, shown: Callable[[str], tuple[Page, list[str]]]) -> None:
    """At 1,280 pixels a shade at its edge says so, and is gone at its end; names stay in view, keys scroll it."""
    page, _trouble = shown(written("every strategy"))
    page.set_viewport_size({"width": 1280, "height": 900})
    region = page.locator(".scroll:has(.figures)")

    def edge() -> int:
        picture = Image.open(io.BytesIO(region.screenshot())).convert("L")
        return int(picture.getpixel((picture.width - 2, 4)))  # above the head's words

    name = region.locator("tbody th").last
    before, at = edge(), name.bounding_box()
    region.press("ArrowRight")
    page.wait_for_function("document.querySelector('.scroll:has(.figures)').scrollLeft > 0")
    region.evaluate("one => { one.scrollLeft = one.scrollWidth }")
    assert before < 230 < edge()
    assert name.bounding_box() == at
