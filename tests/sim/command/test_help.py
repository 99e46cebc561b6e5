"""What a newcomer meets first: the help, its examples, a missing argument, and the Tab key."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cachewise.sim.command.main import app
from tests.helpers import CLI, cli, cli_each, refused

VERBS = ["demo", "run", "resume", "bench", "verify", "check", "init", "list", "doctor"]
# What is added to the examples to make them short; of an option that is there twice the last one counts.
QUICK = {
    "run": ["--set", "warmup_s=0", "--duration", "1s", "--seeds", "1", "--jobs", "1"],
    "bench": ["--set", "warmup_s=0", "--duration", "1s", "--database", "sqlite"],
    "verify": ["--set", "warmup_s=0", "--duration", "1s", "--seeds", "2", "--database", "sqlite"],
    "check": ["--backend", "shared"],
}
# In one process, which is fast; the demo has no options that make it short.
EACH = """
import json, sys
from cachewise.sim.command import demo
from cachewise.sim.command.main import main
demo.DEMO = tuple(part._replace(settings={"warmup_s": "0", "duration_s": "1"}, seeds=1) for part in demo.DEMO)
for typed in json.loads(sys.argv[1]):
    try:
        main(typed)
    except SystemExit as end:
        assert not end.code or (typed[0] == "verify" and end.code == 1), typed  # a second shows nothing reliable
"""


def examples(verb: str) -> list[list[str]]:
    """Return the commands in the example at the end of a verb's help, without the program's name."""
    told = cli(verb, "--help", env={"COLUMNS": "80"}).stdout
    assert all(len(line) < 80 for line in told.splitlines())
    last = re.search(r"\n  Examples?:\n((?:    .+\n?)+)\Z", told)
    assert last, f"the help of {verb} ends with an example"
    lines = last[1].replace("\\\n", "").splitlines()
    assert all(line.startswith(f"    cachewise {verb}") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def test_each_verb_ends_with_an_example() -> None:
    """And all of its help can be read where a terminal is 80 wide."""
    verbs = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert verbs == VERBS
    assert all(map(examples, VERBS))


@pytest.mark.proof
def test_every_example_of_the_help_runs(tmp_path: Path) -> None:
    """One after the other, so that each finds what an earlier one has written."""
    found = [command for verb in ("init", "demo", *VERBS[1:6], *VERBS[7:]) for command in examples(verb)]
    short = [[*command, *QUICK.get(command[0], [])] for command in found]
    program = [sys.executable, "-c", EACH, json.dumps(short)]
    done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/demo/report.html").is_file()


def test_h_is_help() -> None:
    """For the command and for each verb."""
    for verb in ([], ["list"]):
        short, long = cli(*verb, "-h"), cli(*verb, "--help")
        assert (short.returncode, short.stdout) == (0, long.stdout)
        assert "-h, --help" in short.stdout


MISSING = {
    "run": "run needs SCENARIO: a name (cachewise list scenarios shows them), or a file: ./my_scenario.py",
    "bench": "bench needs SCENARIO: a name (cachewise list scenarios shows them)",
    "resume": "resume needs FOLDER: the folder of a sweep: its --out",
    "check": "check needs STRATEGY: as --strategy of run takes it: ./mine.py, ./mine.py:Name",
    "list": "list needs WHAT: scenarios, strategies or backends",
}


def test_what_is_missing_is_said_with_what_it_can_be() -> None:
    for done, says in zip(cli_each(*([verb] for verb in MISSING)), MISSING.values(), strict=True):
        assert says in refused(done)


TAB = {
    "": {"run", "bench", "init"},
    "run tw": {"twitter_cluster52"},
    "run hot_key --dur": {"--duration"},
    "run hot_key --strategy delete-on": {"delete-on-write"},
    "check ttl": {"ttl-only"},
    "run hot_key --backend loc": {"locmem"},
    "run hot_key --set reads": {"reads_per_s=", "reads_per_s=100"},
    "run hot_key --max stale_r": {"stale_ratio=", "stale_reads_per_day="},
    "run hot_key --precision stale_ratio:0.002,hit_": {
        "stale_ratio:0.002,hit_ratio:",
        "stale_ratio:0.002,hit_ratio:0.002",
    },
    "run hot_key --vary tim": {"timeout=", "timeout=30s,1m,10m"},
    "run shop_app --variant on": {r"on\ commit"},
    "run hot_key --format m": {"markdown"},
    "bench wall_check --added-latency render": {"render_s"},
    "list ": {"scenarios", "strategies", "backends"},
}


ALL_TABS = """
import os, sys
from cachewise.sim.command.main import main
for typed in sys.argv[1:]:
    words = ["cachewise", *typed.split(" ")]
    os.environ.update(_CACHEWISE_COMPLETE="complete_bash", COMP_WORDS="\\n".join(words), COMP_CWORD=str(len(words) - 1))
    try:
        main([])
    except SystemExit as end:
        assert not end.code, typed
    print("----")
"""


def test_tab_completes() -> None:
    """Verbs, options, names, fields and figures; where a value must follow, a second candidate shows an example."""
    program = [sys.executable, "-c", ALL_TABS, *TAB]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    for (typed, wanted), answer in zip(TAB.items(), done.stdout.split("----\n")[:-1], strict=True):
        found = answer.splitlines()
        assert wanted <= {*found}, typed
        assert all(one.startswith(typed.rsplit(" ", maxsplit=1)[-1]) for one in found), typed


def test_a_real_bash_completes(tmp_path: Path) -> None:
    """With the script that `--show-completion` prints, in a shell that has read it."""
    (tmp_path / "cachewise").write_text(f'#!/bin/sh\nexec {shlex.join(CLI)} "$@"\n')
    (tmp_path / "cachewise").chmod(0o755)
    script = """
    eval "$(cachewise --show-completion)"
    COMP_WORDS=(cachewise run hot_key --strategy delete-on) COMP_CWORD=4
    _cachewise_completion cachewise
    echo "${COMPREPLY[@]}"
    complete -p cachewise
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    bash = ["bash", "--norc", "-c", script]
    done = subprocess.run(bash, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["delete-on-write", "complete -o default -F _cachewise_completion cachewise"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered(shell: str) -> None:
    """In their own formats."""
    asked = {"_TYPER_COMPLETE_ARGS": "cachewise list s", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = cli(env={**asked, "_CACHEWISE_COMPLETE": f"complete_{shell}"})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall("scenarios|strategies|backends", done.stdout) == ["scenarios", "strategies"]
