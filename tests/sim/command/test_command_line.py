"""The command line as a person or a script uses it: real processes, real files."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewise.sim.backends import BACKENDS
from cachewise.sim.command.choose import choose_settings, choose_timeout
from cachewise.sim.command.choose_strategy import choose_strategy, plain_strategy
from cachewise.sim.errors import UserError
from cachewise.sim.experiment import strategy_label
from cachewise.sim.processes.crew import PATIENCE_S
from cachewise.sim.verdict.metrics import METRICS
from cachewise.strategies import STRATEGIES, TtlOnly
from tests.helpers import CLI, ROOT, cli, cli_each, group_lives, refused, wait_until, waited_s

SMALL = ["--set", "duration_s=20", "--set", "warmup_s=5", "--set", "reads_per_s=50", "--set", "writes_per_s=1"]


def test_more_connections_than_a_shell_allows() -> None:
    """A thousand files are a shell's usual limit: far more calls of a server can be under way."""
    slow = ["--set", "cache_rtt_s=0.3", "--set", "threads=none", "--set", "reads_per_s=15000", "--set", "warmup_s=0"]
    command = [*CLI, "run", "transactional", "--backend", "redis", "--strategy", "ttl-only"]
    line = shlex.join([*command, *slow, "--duration", "0.3", "--format", "json"])
    done = subprocess.run(["/bin/sh", "-c", f"ulimit -S -n 1024; {line}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["reads"] > 3000


def what_is_wrong(parse, text):
    """Return what *parse* complains about in *text*, empty where it understands it."""
    try:
        parse(text)
    except UserError as error:
        return str(error)
    return ""


def test_json_is_one_list_of_flat_objects_and_nothing_else():
    """`--format json` prints only the list, one object a run, with every metric."""
    done = cli("run", "product_list", *SMALL, "--strategy", "ttl-only:timeout=9", "--seeds", "2", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["seed"] for row in rows] == [1, 2]
    assert {row["strategy"] for row in rows} == {"ttl-only:timeout=9"}
    assert all(set(METRICS) < set(row) for row in rows)
    assert not any(isinstance(value, (dict, list)) for row in rows for value in row.values())
    assert done.stderr == "", "no bar and no message where there is no terminal"


@pytest.mark.parametrize("form", ["table", "csv", "markdown"])
def test_the_other_formats_name_every_strategy(form):
    """No --strategy means all that the backend can do, in every format."""
    done = cli("run", "product_list", *SMALL, "--format", form)
    assert done.returncode == 0, done.stderr
    assert all((name in done.stdout) == (name != "delete-pattern") for name in STRATEGIES)


def test_what_is_left_out_is_said_once():
    """Without --strategy a line on standard error names the strategies that a backend's cache cannot run."""
    quick = ["run", "product_list", "--set", "duration_s=2", "--set", "warmup_s=0", "--format", "csv", "--seeds", "2"]
    done = cli(*quick, "--backend", "shared", "--backend", "locmem")
    says = "left out on shared, locmem: delete-pattern, which needs cache.delete_pattern(): backend django-redis has it"
    assert (done.returncode, done.stderr) == (0, f"{says}\n")


def test_without_a_command_there_is_help():
    """`cachewise` alone prints what `cachewise --help` does, and ends as after any command that is none."""
    alone, asked = cli(), cli("--help")
    assert (alone.returncode, asked.returncode) == (2, 0)
    assert alone.stdout == asked.stdout
    assert alone.stderr == asked.stderr == ""


def test_out_holds_the_page_the_charts_and_the_summary(tmp_path):
    """`--out` gets summary.csv, summary.parquet, charts and a self-contained page."""
    out = tmp_path / "results"
    done = cli("run", "product_list", *SMALL, "--strategy", "no-cache", "--strategy", "ttl-only", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert f"page: {out / 'report.html'}" in done.stderr
    table, same = pd.read_csv(out / "summary.csv"), pd.read_parquet(out / "summary.parquet")
    assert len(table) == len(same) == 2
    assert set(METRICS) < set(table.columns)
    assert list((out / "charts").glob("*.png"))
    assert "<html" in (out / "report.html").read_text()


def test_a_scenario_file_runs_by_itself_and_from_anywhere(tmp_path):
    """A file that `init` wrote runs with `cachewise run ./file.py` and with `python file.py`."""
    wrote = cli("init", "shop.py", "--reads-per-s", "20", "--keys", "5", "--timeout", "7", cwd=tmp_path)
    assert wrote.returncode == 0, wrote.stderr
    options = ["--strategy", "ttl-only", "--set", "duration_s=10", "--set", "warmup_s=2", "--format", "json"]
    by_command = cli("run", "./shop.py", *options, cwd=tmp_path)
    by_python = subprocess.run(
        [sys.executable, "shop.py", *options], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60
    )
    assert by_command.returncode == by_python.returncode == 0, by_command.stderr + by_python.stderr
    first, second = json.loads(by_command.stdout)[0], json.loads(by_python.stdout)[0]
    assert first["strategy"] == "ttl-only:timeout=7"
    machine = ("wall_s", "requests_per_wall_s")
    assert {k: v for k, v in first.items() if k not in machine} == {k: v for k, v in second.items() if k not in machine}


def test_init_asks_again_where_an_answer_will_not_do(tmp_path):
    """On a terminal each answer is checked at its question; elsewhere nobody is asked, which is said."""
    terminal, its_end = pty.openpty()
    command = [*CLI, "init", "my own.py"]
    with subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, cwd=tmp_path) as process:
        os.close(its_end)
        with os.fdopen(terminal, "r+b", buffering=0) as screen:
            screen.write(b"-3\n60\nabc\n2\n" + b"\n" * 7)
            seen = b"".join(iter(lambda: _read(screen), b"")).decode()
    assert process.returncode == 0, seen
    assert "Error: reads_per_s=-3 must not be negative" in seen
    assert "Error: writes_per_s: 'abc' is not a number" in seen
    assert "now: cachewise run './my own.py' --seeds 5 --out 'out/my own'" in seen
    text = (tmp_path / "my own.py").read_text()
    assert "    reads_per_s=60.0," in text
    assert "    writes_per_s=2.0," in text
    unasked = cli("init", "other.py", cwd=tmp_path)
    assert "wrote other.py with cachewise's defaults, as nobody could be asked here" in unasked.stderr


@pytest.mark.parametrize("start", [["-m", "cachewise.scenarios.product_list"], ["scenarios/product_list.py"]])
def test_shipped_scenarios_run_by_themselves(start):
    """`python -m cachewise.scenarios.NAME` and `python scenarios/NAME.py` take the options of `cachewise run`."""
    command = [sys.executable, *start, *SMALL, "--strategy", "oracle", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["scenario"] == "product_list"


def test_every_listed_scenario_loads():
    """`list scenarios` shows every file with its reason."""
    done = cli("list", "scenarios", env={"COLUMNS": "0"})
    names = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert names == [*sorted(path.stem for path in (ROOT / "scenarios").glob("[a-z]*.py")), "shop_app"]
    assert "\nshop_app\n    A small Django shop" in done.stdout


def test_every_listed_backend_says_how_much_it_keeps():
    """`list backends` shows each with what it is, and Django's limit where there is one."""
    done = cli("list", "backends", env={"COLUMNS": "0"})
    listed = dict(re.findall(r"^(\S+)\n    (.+)$", done.stdout, re.MULTILINE))
    assert list(listed) == list(BACKENDS)
    limited = {name for name, text in listed.items() if text.endswith("; 300 entries")}
    assert limited == {"locmem", "file", "db", "postgres"}


def test_lists_are_as_narrow_as_the_terminal():
    """At 60 characters lines are broken at blanks; a pipe has each name and each text on a line of its own."""
    whole = cli("list", "strategies", env={"COLUMNS": "0"}).stdout
    narrow = cli("list", "strategies", env={"COLUMNS": "60"}).stdout
    assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, whole.splitlines()))
    assert narrow.split() == whole.split()


def test_help_says_what_each_verb_does():
    """In one line each, none of them cut off."""
    _usage, verbs = cli("--help").stdout.split("\nCommands:\n")
    assert "  init    Write a file to start from: a scenario, a strategy, an own app.\n" in verbs
    for line in verbs.splitlines():
        assert re.fullmatch(r"  [a-z]+ +[A-Z].*[^.]\.", line), line


def test_the_doctor_is_well():
    """Here, where the tests run, nothing is missing."""
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "PROBLEM" not in done.stdout
    assert "backend db" in done.stdout


def test_the_doctor_drives_the_backends():
    """`doctor --conformance` prints one backend's tables and verdicts, and as a document the same."""
    table = cli("doctor", "--conformance", "--backend", "locmem")
    document = cli("doctor", "--conformance", "--backend", "locmem", "--format", "markdown")
    assert (table.returncode, document.returncode) == (0, 0), table.stderr + document.stderr
    assert document.stdout.startswith("# What the cache backends of Django")
    for text in (table.stdout, document.stdout):
        assert "REFUTED" not in text
        for words in ("LocMemCache.touch", "30 d + 1 s", "< 2592001", "confirmed", "no: beside incr_version, set"):
            assert words in text


def test_the_doctor_shows_how_far_it_is():
    """On a terminal a bar on standard error says what is under way; the tables go where standard output goes."""
    terminal, its_end = pty.openpty()
    command = [*CLI, "doctor", "--conformance", "--backend", "dummy"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end, text=True, env=environment) as process:
        os.close(its_end)
        with os.fdopen(terminal, "rb", buffering=0) as screen:
            seen = b"".join(iter(lambda: _read(screen), b""))
        printed, _ = process.communicate()
    assert process.returncode == 0
    assert b"dummy: two callers at once" in seen
    assert printed.startswith("dummy: django.core.cache.backends.dummy.DummyCache\n")


def _read(screen):
    """Return what is on the terminal next, nothing at its end (which Linux tells by an error)."""
    try:
        return screen.read(65536)
    except OSError:
        return b""


def test_the_version_is_told():
    """`--version` prints it, and nothing else happens."""
    done = cli("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cachewise ")


def test_help_is_light():
    """`cachewise --help` imports neither pandas nor matplotlib."""
    code = (
        "import sys\n"
        "from cachewise.sim.command.main import main\n"
        "try:\n main(['--help'])\nexcept SystemExit as end:\n assert not end.code\n"
        "heavy = {'pandas', 'matplotlib', 'pyarrow', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


BAD_INPUT = [
    (["run", "prodct_list"], "product_list"),
    (["run", "product_list", "--strategy", "delete-on-rite"], "delete-on-write"),
    (["run", "product_list", "--strategy", "ttl-only:tmeout=3"], "timeout"),
    (["run", "product_list", "--strategy", "ttl-only:timeout"], "timeout=VALUE"),
    (["run", "product_list", "--strategy", "ttl-only:timeout=-1"], "0 to 1e+11"),
    (["run", "product_list", "--strategy", "no-cache:timeout=1"], "takes no parameters"),
    (["run", "product_list", "--backend", "shard"], "shared"),
    (["run", "product_list", "--set", "key=4"], "keys"),
    (["run", "product_list", "--set", "keys"], "keys=VALUE"),
    (["run", "product_list", "--set", "reads_per_s=-4"], "negative"),
    (["run", "product_list", "--set", "reads_per_s=nan"], "finite"),
    (["run", "product_list", "--set", "keys=1.5"], "whole number"),
    (["run", "product_list", "--set", "keys=many"], "cachewise: keys=many must be a whole number"),
    (["run", "product_list", "--set", "max_entries=foo"], "max_entries=foo must be a whole number, auto or none"),
    (["run", "product_list", "--set", "workers=foo"], "cachewise: workers=foo must be a whole number or none"),
    (["run", "product_list", "--set", "db_read_s=lognormal:1"], "MEDIAN_S"),
    (["run", "product_list", "--timeout", "10 mins"], "timeout: '10 mins' is not a duration; write 10m, or none"),
    (["run", "product_list", "--strategy", "ttl-only:timeout=5M"], "timeout: '5M' is not a duration; write 5m, or n"),
    (["run", "product_list", "--set", "warmup_s=-1s"], "warmup_s=-1 must not be negative"),
    (["run", "product_list", "--duration", "nan s"], "--duration: 'nan s' is not a duration; write seconds, or such"),
    (["run", "product_list", "--duration", "-1"], "--duration -1: it must be more than 0"),
    (
        ["run", "product_list", "--settings", "settings.py:sessions"],
        "--settings settings.py:sessions is a file, not a module; write --settings settings:sessions",
    ),
    (
        ["run", "product_list", "--settings", "./shop/settings.py"],
        "not a module; write --settings shop.settings",
    ),
    (["run", "product_list", "--settings", "a.toml"], "is a file, not a module; write --backend-settings a.toml"),
    (["run", "product_list", "--backend-settings", "shop.settings"], "a settings module goes with --settings MOD"),
    (["bench", "wall_check", "--duration", "0"], "--duration 0: it must be more than 0"),
    (["verify", "wall_check", "--duration", "nan"], "--duration: nan is not a finite number"),
    (["run", "product_list", "--strategy", "delete-pattern"], "use --backend django-redis (in Python: backend='dj"),
    (["run", "product_list", "--trace", "nowhere.csv"], "no such file"),
    (
        ["run", "ACCESS.LOG.GZ"],
        "ACCESS.LOG.GZ is a trace, not a scenario: cachewise run SCENARIO --trace",
    ),
    (["run", "product_list", "--trace-columns", "key=url"], "there is none: add --trace FILE"),
    (["run", "product_list", "--set", "trace_columns=key=url"], "write --trace-columns NAME=COLUMN,..."),
    (["run", "product_list", "--seed", "1", "--seeds", "2"], "--seeds"),
    (["run", "product_list", "--seed", "x"], "--seed"),
    (["run", "product_list", "--out", "/dev/null/here"], "/dev/null/here"),
    (["run", "./nowhere.py"], "no such scenario file"),
    (["runn", "x"], "run"),
    (["list", "scenario"], "scenarios"),
    (["doctor", "--conformance", "--backend", "locmen"], "locmem"),
    (["doctor", "--backend", "locmem"], "--conformance"),
    (["init", "notes.txt"], ".py"),
    (["init", "x.py", "--reads-per-s", "-1"], "negative"),
]


def test_a_strategy_is_the_same_however_its_times_are_written():
    """Its parameters that are times take durations, on its own and in a sweep; the label has seconds."""
    texts = "ttl-only:timeout=10m", "ttl-only:timeout=600", "ttl-only:timeout=10 min", "ttl-only:timeout=600.0"
    assert {strategy_label(choose_strategy(text, STRATEGIES)) for text in texts} == {"ttl-only:timeout=600"}
    assert {plain_strategy(text) for text in texts} == {"ttl-only:timeout=600"}
    assert choose_timeout("2h") == 7200
    assert choose_settings(["duration_s=2h", "keys=7"]) == {"duration_s": "7200", "keys": "7"}
    assert (
        plain_strategy("./mine.py:Name:hold_s=1m,timeout=none,beta=2") == "./mine.py:Name:hold_s=60,timeout=none,beta=2"
    )


def test_bad_input_is_one_clear_line(tmp_path):
    """Each names what is wrong and the nearest right thing, with exit code 2, no traceback and no file written."""
    for done, (_, says) in zip(cli_each(*(args for args, _ in BAD_INPUT), cwd=tmp_path), BAD_INPUT, strict=True):
        assert says in refused(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SCENARIO = 3", "SCENARIO = Scenario"),
        ("from cachewise import Scenario\nSCENARIO = Scenario('x', keys=0)", "keys=0"),
        ("import nothing_of_that_name", "line 1"),
        ("\n\nSCENARIO = (", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_a_broken_scenario_file_is_one_clear_line(text, says, tmp_path):
    """What is wrong in somebody's file is said with the file's name."""
    (tmp_path / "mine.py").write_text(text)
    message = refused(cli("run", "./mine.py", cwd=tmp_path))
    assert "mine.py" in message
    assert says in message


def test_init_does_not_overwrite(tmp_path):
    """A file that is there stays as it is, unless --force is given."""
    mine = tmp_path / "mine.py"
    mine.write_text("precious")
    assert "--force" in refused(cli("init", str(mine)))
    assert mine.read_text() == "precious"
    assert cli("init", str(mine), "--force").returncode == 0
    assert "SCENARIO" in mine.read_text()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_is_one_line_and_leaves_nothing(jobs, tmp_path):
    """Ctrl-C in mid-run: exit code 130, one line, no output folder, no temporary files, no process left."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    out = tmp_path / "out"
    command = [*CLI, "run", "transactional", "--backend", "file", "--backend", "db"]
    command += ["--jobs", jobs, "--out", str(out)]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    wait_until(lambda: list(temporary.glob("cachewise-*")))
    os.killpg(process.pid, signal.SIGINT)
    assert waited_s(lambda: process.poll() is not None) < PATIENCE_S / 2, "a worker had to be ended by force"
    printed, said = process.communicate()
    assert process.returncode == 130, said
    assert printed == ""
    assert said.splitlines() == ["cachewise: interrupted; nothing was written"]
    assert not out.exists()
    assert list(temporary.glob("cachewise-*")) == []
    wait_until(lambda: not group_lives(process.pid))


@given(st.one_of(st.text(max_size=60), st.from_regex(r"[a-z-]{1,12}:[a-z]+=[0-9a-z.,:=+-]{0,20}", fullmatch=True)))
def test_no_text_breaks_the_parsers(text):
    """Whatever is typed, a parser either understands it or says in one line why not."""
    parsers = (lambda t: choose_strategy(t, STRATEGIES), lambda t: choose_settings([t]), choose_timeout)
    for parse in (*parsers, lambda t: choose_strategy(f"ttl-only:{t}", STRATEGIES)):
        assert "\n" not in what_is_wrong(parse, text)


def test_strategy_texts_are_understood():
    """Numbers, none, and a timeout that stands in for the default."""
    assert choose_strategy("ttl-only:timeout=1.5", STRATEGIES) == TtlOnly(1.5)
    assert choose_strategy("ttl-only:timeout=none", STRATEGIES) == TtlOnly(None)
    assert choose_strategy("ttl-only", STRATEGIES, timeout=7) == TtlOnly(7)
    assert choose_strategy("ttl-only:timeout=3", STRATEGIES, timeout=7) == TtlOnly(3)
