"""What holds for every page: links lead somewhere, and what is named of `cachewise` and `make` is there."""

import re

import pytest
import typer

from cachewise.sim.command.main import app
from tests.docs.pages import PAGES, README, code, commands, prose, typed
from tests.helpers import ROOT

MOST_LINES = 110  # of the README: two screens of a large monitor
GUIDES = [name for name in PAGES if name.startswith("docs/") and "conformance" not in name]
PROGRAMS = {"cachewise", "make", ".", "pip", "python", "dask"}
OF_ALL = {"--install-completion", "--show-completion"}  # the program's own, of no verb
FOREIGN = {"--nworkers", "--nthreads", "--yes", "--with-deps"}  # options of other programs
VERBS = {
    name: {option for param in command.params for option in param.opts}
    for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
}


def anchors(text: str) -> set[str]:
    """Return what a link can point to on a page: its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    """A relative link or picture is a file or folder here, and its anchor a heading there."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(PAGES[name])):
        path, _, anchor = link.partition("#")
        place = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert place.exists(), link
        if anchor:
            assert anchor in anchors(PAGES[place.relative_to(ROOT).as_posix()]), link


def test_every_page_is_linked_from_the_readme() -> None:
    """A reader of the README finds each page, or one that leads to it."""
    found, left = set(), {"README.md"}
    while left:
        page = left.pop()
        found.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#]+\.md)", PAGES[page])
        left |= {((ROOT / page).parent / link).resolve().relative_to(ROOT).as_posix() for link in links} - found
    assert found == set(PAGES)


@pytest.mark.parametrize("name", GUIDES)
def test_a_page_opens_with_what_the_reader_gets_and_a_command(name: str) -> None:
    """A line or two, then something to type, all within the first screen."""
    title, _, start = PAGES[name].partition("\n\n")
    assert re.fullmatch("# .+", title)
    first_screen = "\n".join(start.splitlines()[:22])
    assert "```sh\n" in first_screen or name == "docs/python.md"


@pytest.mark.parametrize("name", ["README.md", *GUIDES])
def test_lines_are_short_enough_to_read(name: str) -> None:
    """At most 150 characters but for tables, commands and pictures."""
    lines = prose(PAGES[name]).splitlines()
    assert [line for line in lines if len(line) > 150 and not line.lstrip().startswith(("|", "!["))] == []


@pytest.mark.parametrize("name", PAGES)
def test_programs_verbs_and_options_are_there(name: str) -> None:
    """Every program in a shell block is a known one; every verb and option named anywhere, in prose too, exists."""
    text = PAGES[name]
    assert {line[0] for line in typed(text)} <= PROGRAMS
    spoken = [piece.split() for piece in code(prose(text)) if piece.startswith("cachewise ")]
    for verb, *rest in [*commands(text), *(words[1:] for words in spoken if words[1].isalpha())]:
        assert verb in VERBS, verb
        assert {word for word in rest if word.startswith("--")} <= VERBS[verb], (verb, rest)
    options = {option for piece in code(prose(text)) for option in re.findall(r"(?:^| )(--[a-z][a-z-]*)", piece)}
    assert options <= set.union(*VERBS.values(), FOREIGN, {"--version", "--help", "--constraint"}, OF_ALL)


def test_every_make_verb_exists() -> None:
    """The verbs of `make` that the pages name are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    verbs = {line.partition(":")[0] for line in makefile.splitlines() if re.match("[a-z]+:", line)}
    named = {verb for text in PAGES.values() for verb in re.findall(r"`make ([a-z]+)", text)}
    named |= {verb for text in PAGES.values() for verb, *_ in commands(text, "make")}
    assert {"demo", "test"} <= named <= verbs


def test_the_readme_is_two_screens() -> None:
    """Whoever wants more follows its links."""
    assert len(README.splitlines()) <= MOST_LINES
