"""Mistakes in somebody's own strategy: each is one line that names its line, whatever it is and wherever it shows."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cachewise import FromFunctions, Scenario, StrategyError, UserError, run
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.errors import CodeError
from cachewise.sim.experiment import run_all
from cachewise.sim.own.blame import code_error, said_plainly
from cachewise.sim.own.methods import check_methods
from cachewise.sim.processes.interrupts import Terminated
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES
from tests.helpers import cli, refused

TINY = Scenario("tiny", keys=5, reads_per_s=100, writes_per_s=20, duration_s=2, warmup_s=0)
MINE = dedent("""
    import sys
    from functools import partial, wraps
    from cachewise import FromFunctions
    from cachewise.sim.processes.interrupts import Terminated


    class Good:
        def read(self, site, key):
            return site.db.read(key)

        def write(self, site, key):
            site.db.write(key)
            self.after(site, key)

        def after(self, site, key):
            for func in (partial(site.cache.delete, key), lambda key=key: site.cache.get(key), site.cache.close, print):
                site.spawn(func)


    class NoSite(Good):
        def read(self, key: str): ...


    class NoKey(Good):
        def write(self, site): ...


    def load(key): ...


    LOAD = FromFunctions(load, load)


    class Delete(Good):
        def after(self, site, key):
            site.spawn(site.cache.delete)


    class Takes(Good):
        def after(self, site, key):
            site.spawn(lambda x: 1)


    class Called(Good):
        def after(self, site, key):
            site.spawn(site.cache.get(key))


    class Exits(Good):
        def read(self, site, key):
            sys.exit(3)


    class ExitsWell(Good):
        def write(self, site, key):
            sys.exit(0)


    class ExitsLater(Good):
        def after(self, site, key):
            site.spawn(partial(sys.exit, 3))


    class ExitsBehind(Good):
        def after(self, site, key):
            site.spawn(lambda: sys.exit("gone"))


    class Mute(Exception):
        def __str__(self):
            return 1 / 0


    class Says(Good):
        def read(self, site, key):
            raise Mute


    class Long(Good):
        def read(self, site, key):
            site.cache.get("x" * 300)

        def after(self, site, key): ...


    class Ends(Good):
        def read(self, site, key):
            raise Terminated(143)


    class Init(Good):
        def __init__(self, x): ...


    class Bare(Good):
        def __init__(self, timeout=30): ...


    def with_connection(func):
        @wraps(func)
        def inner(self, site, key):
            return func(self, site, key, "connection")
        return inner


    class Wrapped(Good):
        @with_connection
        def read(self, site, key, connection):
            return site.db.read(key)
""")


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with such a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)


def line(text: str, nth: int = 0) -> str:
    """Return how messages name the line of the file that starts with *text*."""
    places = [number for number, one in enumerate(MINE.splitlines(), 1) if one.strip().startswith(text)]
    return f"./mine.py, line {places[nth]}: "


def said(name: str, backend: str = "shared") -> str:
    """Return the line that a run of the strategy ends with."""
    with pytest.raises(UserError) as error:
        run_all([Run(TINY, choose_strategy(f"./mine.py:{name}", STRATEGIES), backend, 1)], processes=1)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "place", "says"),
    [
        ("NoSite", line("def read(self, key"), "NoSite.read() must take (site, key), not (key)"),
        ("NoKey", line("def write(self, site):"), "NoKey.write() must take (site, key), not (site)"),
        ("LOAD", line("def load"), "LOAD.read() must take (site, key), not (key)"),
        ("Init", line("def __init__(self, x"), "Init.__init__(): missing a required argument: 'x': parameters are the"),
    ],
)
def test_what_cannot_be_called_is_said_first(name: str, place: str, says: str) -> None:
    """Before anything runs, with the line where it is written."""
    with pytest.raises(UserError) as error:
        choose_strategy(f"./mine.py:{name}", STRATEGIES)
    assert str(error.value).startswith(place + says)


def test_the_command_line_says_so_too() -> None:
    """`check` and worker processes included."""
    told = f"cachewise: {line('def read(self, key')}NoSite.read() must take (site, key), not (key)"
    assert refused(cli("run", "catalogue", "--strategy", "./mine.py:NoSite", "--seeds", "2", "--jobs", "2")) == told
    assert refused(cli("check", "./mine.py:NoSite")) == told


def test_run_says_what_the_methods_must_take() -> None:
    """So from Python, where there is no file."""
    reads: Any = lambda key: key  # noqa: E731 - it is wrong
    with pytest.raises(StrategyError, match=r"^FromFunctions.write\(\) must take \(site, key\), not \(key\)$"):
        run(TINY, FromFunctions(lambda site, key: site.db.read(key), reads))


def test_what_can_be_called_is_left_alone() -> None:
    """Defaults, decorators that add an argument, and callables that hide what they take."""
    for name in ("Good", "Wrapped"):
        (found,) = run_all([Run(TINY, choose_strategy(f"./mine.py:{name}", STRATEGIES), "shared", 1)], processes=1)
        assert found.counts["reads"] > 0
    for strategy in STRATEGIES.values():
        check_methods(strategy())


@pytest.mark.parametrize(
    ("name", "place", "says"),
    [
        ("Delete", line("site.spawn(site.cache.delete)"), "site.spawn: LocMemCache.delete must be a function without"),
        ("Takes", line("site.spawn(lambda x"), "site.spawn: Takes.after.<locals>.<lambda> must be a function without"),
        (
            "Called",
            line("site.spawn(site.cache.get("),
            "site.spawn: None must be a function without arguments in ",
        ),
    ],
)
def test_what_cannot_be_spawned(name: str, place: str, says: str) -> None:
    """It is said where it is spawned, and nothing of our own code besides."""
    told = said(name)
    assert told.startswith(f"{place}TypeError: {says}")
    assert "raised in cachewise's" not in told


@pytest.mark.parametrize(
    ("name", "place", "says"),
    [
        ("Exits", line("sys.exit(3)"), "SystemExit: 3 in Exits.read(site, 'key:"),
        ("ExitsWell", line("sys.exit(0)"), "SystemExit: 0 in ExitsWell.write(site, 'key:"),
        ("ExitsLater", "", "SystemExit: 3 in background work of ExitsLater on worker "),
        ("ExitsBehind", line("site.spawn(lambda: sys.exit"), "SystemExit: gone in background work of ExitsBehind on"),
    ],
)
def test_an_exit_is_an_exception_like_any_other(name: str, place: str, says: str) -> None:
    """A strategy ends no command, and no other request."""
    assert said(name).startswith(place + says)


def test_an_exit_breaks_a_check() -> None:
    """It passes nothing."""
    done = cli("check", "./mine.py:ExitsWell", "--backend", "shared", "--format", "json")
    assert done.returncode == 1
    assert "SystemExit: 0 in ExitsWell.write(" in done.stdout
    assert cli("run", "catalogue", "--duration", "2", "--strategy", "./mine.py:Exits").returncode == 2


def test_a_signal_ends_the_command() -> None:
    """What a signal raises is no mistake of whose code it met."""
    ends: Any = choose_strategy("./mine.py:Ends", STRATEGIES)
    with pytest.raises(Terminated), said_plainly():
        ends.read(None, "k")
    exits: Any = choose_strategy("./mine.py:Exits", STRATEGIES)
    with pytest.raises(CodeError), said_plainly():
        exits.read(None, "k")


def test_an_error_that_cannot_be_shown() -> None:
    """Its class's own `__str__` fails: the line says so."""
    told = said("Says")
    assert told.startswith(f"{line('raise Mute')}Mute: (its __str__ raises ZeroDivisionError) in Says.read(site, 'key:")


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["memcached", "db"])
def test_a_key_made_too_long_has_its_line(backend: str) -> None:
    """As the request has."""
    told = said("Long", backend)
    assert told.startswith(f"{line('site.cache.get(')}backend {backend!r} refuses a key: ")
    assert " (in Long.read(site, 'key:" in told


def test_parameters_without_a_dataclass() -> None:
    """An `__init__` is not asked for any."""
    with pytest.raises(UserError) as error:
        choose_strategy("./mine.py:Bare:timeout=3", STRATEGIES)
    assert str(error.value).endswith(
        "./mine.py:Bare takes no parameters: they are the fields of a dataclass (write @dataclass above the class)"
    )


def test_errors_of_ours_are_nobody_elses() -> None:
    """What came through none of their files has no such line."""
    assert code_error(ValueError("ours")) is None
