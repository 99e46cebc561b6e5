"""The pages for people (README, CONTRIBUTING, docs/ and so on) as tests see them: code, tables, commands."""

import inspect
import re
import shlex

import pytest

from cachewise.sim.command.main import main
from tests.helpers import MANY_KEYS, ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
}
README = PAGES["README.md"]
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


def prose(text: str) -> str:
    """Return *text* without its fenced code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def table(text: str, first_heading: str) -> list[list[str]]:
    """Return the cells of the table in *text* whose first column is headed *first_heading*, without its headings."""
    rows = text.split(f"\n| {first_heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]


def code(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def typed(text: str) -> list[list[str]]:
    """Return every line of the shell blocks of *text*, split as a shell does."""
    return [shlex.split(line) for block in blocks(text, "sh") for line in block.splitlines() if line]


def commands(text: str, program: str = "cachewise") -> list[list[str]]:
    """Return the arguments of every call of *program* in the shell blocks of *text*."""
    return [line[1:] for line in typed(text) if line[0] == program]


def succeed(*args: str) -> None:
    """Run the command line in this process; it must end with exit code 0."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 0, shlex.join(args)
