"""Strangers' servers: nothing leads a client away from the private ones."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

import cachewise
from cachewise import UserError, servers
from cachewise.strategies import TtlOnly
from tests.conftest import is_taken
from tests.helpers import MANY_KEYS, cli
from tests.sim.daemons.test_lifetime import SHORT, open_files


@pytest.mark.servers
def test_the_bystander_is_there() -> None:
    """While the tests run somebody's Redis, or the tests' own bystander, listens on the default port."""
    assert is_taken(6379)


def open_clocks() -> list[str]:
    """Return the clock files that this process holds open, those of the servers that the tests share among them."""
    return sorted(name for name in open_files(os.getpid()) if name.endswith("/clock"))


def test_a_path_too_long_for_a_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary folder too deep for a unix socket is said, with what to do about it."""
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    before = open_clocks()
    for virtual in (False, True):
        with servers() as ours:
            with pytest.raises(UserError, match=r"^the path of a socket would be too long: .*; set TMPDIR"):
                ours.start("memcached", virtual=virtual)
            assert open_clocks() == before
    assert list(deep.iterdir()) == []


@pytest.mark.parametrize("character", "#?%,;'\"\n")
def test_a_path_that_clients_misread(monkeypatch: pytest.MonkeyPatch, character: str) -> None:
    """`/tmp/a#b` would be the server at `/tmp/a` to a client that takes addresses for URLs: it is refused."""
    odd = Path(tempfile.mkdtemp(prefix=f"cw-a{character}b"))
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with servers() as ours, pytest.raises(UserError, match=r"^the path of a socket would have .* in it, which clients"):
        ours.start("memcached", virtual=False)
    assert list(odd.iterdir()) == []
    odd.rmdir()


@pytest.mark.servers
def test_nobody_elses_postgres(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOSTADDR sends libpq elsewhere: the command line forgets it, a run from Python refuses it in one line."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.setblocking(False)  # noqa: FBT003 - the socket module's own
        detour = {"PGHOSTADDR": "127.0.0.1", "PGSSLMODE": "require", "PGOPTIONS": "-c nonsense=1"}
        told = cli(
            *("run", "product_list", "--backend", "postgres", "--strategy", "ttl-only", "--duration", "5"), env=detour
        )
        assert told.returncode == 0, told.stderr
        wall = [
            *MANY_KEYS,
            "--duration",
            "0.5",
            "--set",
            "warmup_s=0.2",
            "--strategy",
            "ttl-only",
            "--database",
            "postgres",
        ]
        told = cli("bench", "wall_check", "--backend", "postgres", *wall, env=detour)
        assert told.returncode == 0, told.stderr
        monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
        with pytest.raises(UserError, match=r"^PGHOSTADDR in the environment would lead clients away"):
            cachewise.run(SHORT, TtlOnly(), backend="postgres")
        with pytest.raises(BlockingIOError):
            theirs.accept()
    assert list(temporary.iterdir()) == []
