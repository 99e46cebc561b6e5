"""The README and CONTRIBUTING say what is so: tables, commands, examples and links are held against the code."""

import doctest
import inspect
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cachewise.sim.backends import BACKENDS
from cachewise.sim.command.main import main
from cachewise.sim.daemons.programs import PROGRAMS
from cachewise.sim.verdict.metrics import METRICS, WALL_METRICS
from cachewise.sim.wall.bench import FEW_ERRORS, MOST_UNDECIDABLE
from cachewise.sim.world import arrivals, latency, popularity, trace
from cachewise.sim.world.scenario import DEFAULTS, LATENCIES
from cachewise.strategies import STRATEGIES
from tests.helpers import MANY_KEYS, ROOT, STORING
from tests.strategies import test_conformance

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# A second of traffic and one seed: enough to meet every option and name, too little to take long.
SHORT = ["--set", "warmup_s=0", "--duration", "0.5"]
QUICK = {
    "run": ["--set", "warmup_s=0", "--set", "duration_s=1", "--seeds", "1", "--jobs", "1"],
    "bench": [*SHORT, *MANY_KEYS],
    "check": ["--backend", "shared"],
    "verify": [*SHORT, *MANY_KEYS, "--seeds", "2", "--backend", "locmem", "--strategy", "no-cache"],
}


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced code blocks in *language*, without their common indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [inspect.cleandoc(f"{indent}\n{code}") + "\n" for indent, code in found]


def table(first_heading: str) -> list[list[str]]:
    """Return the cells of the README's table whose first column is headed *first_heading*, without its headings."""
    rows = README.split(f"\n| {first_heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]


def code(cell: str) -> list[str]:
    """Return what stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def commands(program: str) -> list[list[str]]:
    """Return the arguments of every call of *program* in the README's shell blocks."""
    lines = [shlex.split(line) for block in blocks(README, "sh") for line in block.splitlines() if line]
    assert {line[0] for line in lines} == {"cachewise", "make", "."}  # nothing there goes unchecked
    return [line[1:] for line in lines if line[0] == program]


def succeed(*args: str) -> None:
    """Run the command line in this process; it must end with exit code 0."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 0, shlex.join(args)


def test_the_table_of_strategies_is_complete_and_right() -> None:
    """The table names exactly the strategies there are, in their order, with the costs and the bound they declare."""
    rows = table("strategy")
    assert [code(row[0]) for row in rows] == [[name] for name in STRATEGIES]
    for (_, _, bound, calls, _), strategy in zip(rows, STRATEGIES.values(), strict=True):
        assert tuple(map(int, calls.split(", "))) == strategy.costs, strategy.name
        assert bound.partition(":")[0] == strategy.stale_at_most, strategy.name


def test_the_table_of_backends_is_complete_and_right() -> None:
    """The table names exactly the backends there are, with the round trip and the limit that `auto` means."""
    shown = {code(name)[0]: (code(rtt)[0], re.findall(r"\d+", most)) for name, _, rtt, most, _ in table("backend")}
    assert shown == {
        name: (str(one.auto_rtt_s), [str(one.auto_max_entries)] if one.auto_max_entries else [])
        for name, one in BACKENDS.items()
    }


def test_the_table_of_fields_has_every_form() -> None:
    """The forms of arrivals, popularities and latencies are the ones that the parsers know."""
    rows = table("field")
    shown = {code(form)[0] for _, form in rows}
    modules: list[Any] = [arrivals, popularity, latency]
    known = {":".join([name, *numbers]) for module in modules for name, numbers in module.FORMS.items()}
    assert shown == known | {"0.005"}
    fields = {name for field, _ in rows for name in code(field)}
    assert fields == {"arrivals", "read_popularity", "write_popularity", *LATENCIES}
    assert fields <= set(DEFAULTS)


def test_the_tables_of_traces_are_complete_and_right() -> None:
    """Columns and operations are the ones that the reader of traces knows, the window of a fill included."""
    assert tuple(code(column)[0] for column, _ in table("column")) == trace.COLUMNS
    reads, fills, writes, deletes = [code(operations) for operations, _ in table("operation")]
    assert tuple(reads) == trace.READS
    assert tuple(fills) == trace.FILLS_OR_WRITES
    assert (*writes, *deletes) == (*trace.FILLS_OR_WRITES, *trace.WRITES)
    assert f"at most {trace.FILL_WINDOW_S:g} s after a read" in README


def test_the_table_of_real_figures_is_complete() -> None:
    """It names every figure that only a real run has, and from which share on errors and undecidable reads are told."""
    rows = table("heading")
    assert {name for _, names, _ in rows for name in code(names)} == {"response_p50_s", "response_p99_s", *WALL_METRICS}
    told = {heading: meaning for heading, _, meaning in rows}
    assert f"more than {FEW_ERRORS:.1%} are named" in told["errors"]
    assert f"more than {MOST_UNDECIDABLE:.0%} fail" in told["undecidable"]


def test_the_verification_says_what_its_table_shows() -> None:
    """How far apart measured and predicted are, beyond chance or not, and in how many cells, is what the table says."""
    rows = table("strategy | backend")
    hits = [[float(re.findall(r"[\d.]+", side)[0]) for side in row[2].split("/")] for row in rows]
    apart, low, high = zip(*(map(float, re.findall(r"[+-][\d.]+", row[6])) for row in rows), strict=True)
    within = re.search(r"hits within ([\d.]+) points, outdated reads within ([\d.]+)\.", README)
    assert within
    assert max(abs(measured - predicted) for predicted, measured in hits) <= float(within[1])
    assert max(map(abs, apart)) <= float(within[2])
    assert all(least <= one <= most for one, least, most in zip(apart, low, high, strict=True))
    assert f"in all {len(rows)} cells" in README.replace("\n", " ")
    assert {row[1] for row in rows} == {"locmem", "redis", "memcached"}


def test_what_installs_the_servers_is_complete() -> None:
    """The line for apt names all packages of Debian and Ubuntu, and the extras are those of the package."""
    assert f"`sudo apt-get install --yes {' '.join(sorted({one.package for one in PROGRAMS}))}`" in README
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"`\[([a-z-]+)\]`", README)) | {"all", "test", "lint"} == set(extras)


def test_counts_in_the_prose() -> None:
    """The number of figures a run is what the README says."""
    assert set(re.findall(r"(\d+) figures", README)) == {str(len(METRICS))}


@pytest.mark.servers
def test_the_example_in_python_prints_what_it_says() -> None:
    """Every line of the README's Python session gives the output printed below it."""
    session = "\n".join(blocks(README, "python"))
    example = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    assert len(example.examples) > 5
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert results.failed == 0


@pytest.mark.servers
def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The `cachewise` commands run in the order they stand in, on the trace that the README shows."""
    monkeypatch.chdir(tmp_path)
    (trace,) = blocks(README, "csv")
    Path("requests.csv").write_text(trace)
    found = commands("cachewise")
    assert {command[0] for command in found} == {"run", "check", "init", "doctor", "bench", "verify"}
    for command in found:
        succeed(*command, *QUICK.get(command[0], []))
    assert Path("out/mine/report.html").is_file()
    headline = Path("out/transactional/charts/transactional-on-shared-saved_against_stale.png")
    assert headline.is_file(), "the command below the picture draws such a picture"


@pytest.mark.proof
def test_the_shops_table_is_what_the_command_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the table on the shop, run at its full length: the columns of the project as it is, and of no cache."""
    monkeypatch.chdir(tmp_path)
    command = next(one for one in commands("cachewise") if "shop_app" in one)
    succeed(*command, "--variant", "as it is")
    found = pd.read_csv("out/shop/functions.csv").groupby(["function", "variant"])
    means = found[["stale_ratio", "statements_per_read", "never_true_ratio"]].mean()
    for function, as_it_is, *_, no_cache in table("read function"):
        for variant, cell in (("as it is", as_it_is), ("no cache", no_cache)):
            figures = means.loc[(function, variant)]
            assert cell == f"{figures['stale_ratio']:.1%}, {figures['statements_per_read']:.2f}", (function, variant)
    assert f"In {means.loc[('product_page', 'as it is'), 'never_true_ratio']:.1%} of the reads" in README


@pytest.mark.proof
def test_the_excerpt_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands beside the pictures, run at their full length, print the answers that the README shows."""
    monkeypatch.chdir(tmp_path)
    excerpts = blocks(README, "text")
    sweep = next(one for one in commands("cachewise") if "--vary" in one)
    for excerpt, command in zip(excerpts, (commands("cachewise")[0], sweep), strict=True):
        succeed(*command)
        assert " ".join(excerpt.split()) in " ".join(capsys.readouterr().out.split())


def test_every_make_verb_exists() -> None:
    """The verbs of `make` that the README and CONTRIBUTING name are in the Makefile."""
    verbs = {
        line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if re.match("[a-z]+:", line)
    }
    named = set(re.findall(r"`make ([a-z]+)`", README + CONTRIBUTING)) | {verb for (verb,) in commands("make")}
    assert {"demo", "test"} <= named <= verbs


DOCUMENTS = (
    "docs/backends.md",
    "docs/own-app.md",
    "docs/sweeps.md",
    "README.md",
    "CONTRIBUTING.md",
    "DESIGN.md",
    "CHANGELOG.md",
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    """A relative link or picture in a document is a file or folder here."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text(encoding="utf-8"))
    assert document != "README.md" or "docs/headline.png" in links
    for link in links:
        assert ((ROOT / document).parent / link).exists(), link


@pytest.mark.parametrize("backend", STORING)
def test_the_strategy_in_contributing_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """CONTRIBUTING's example, taken as it stands, passes the conformance suite."""
    (source,) = blocks(CONTRIBUTING, "python")
    path = tmp_path / "my_strategy.py"
    path.write_text(source)
    (strategy,) = [found for found in runpy.run_path(str(path)).values() if hasattr(found, "stale_at_most")]
    monkeypatch.setitem(STRATEGIES, strategy.name, strategy)
    test_conformance.test_conservation(strategy.name, backend)
    test_conformance.test_it_caches(strategy.name, backend)
    test_conformance.test_declared_costs(strategy.name, backend)
