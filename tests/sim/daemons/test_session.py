"""A session of servers: what it starts, for whom, and until when."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

import cachewise
from cachewise import Row, Servers, Site, UserError, servers
from cachewise.strategies import DeleteOnWrite, TtlOnly
from tests.helpers import Custom
from tests.sim.daemons.test_lifetime import KINDS, SHORT, living


@pytest.mark.servers
def test_a_session_is_used_again(temporary: Path) -> None:
    """One server serves all runs of a session, each from empty and at a later time, with the figures of a fresh one."""
    fresh = {backend: cachewise.run(SHORT, DeleteOnWrite(), backend=backend).reads for backend in KINDS}
    with servers() as ours:
        for backend in KINDS:
            for _ in range(2):
                assert cachewise.run(SHORT, DeleteOnWrite(), backend=backend, servers=ours).reads.equals(fresh[backend])
        assert len([command for command in living(temporary) if "redis-server" in command]) == 1
        server = ours.start("redis", virtual=True)
        first_s = server.begin()
        server.move(7.5)
        assert server.begin() >= first_s + 8
    assert living(temporary) == []


@pytest.mark.servers
def test_two_runs_cannot_share_a_server() -> None:
    """A run within a run on the same session is refused; on a session of its own it works."""
    refused: list[str] = []

    def read(site: Site, key: str) -> Row:
        if not refused:
            with pytest.raises(UserError) as caught:
                cachewise.run(SHORT, TtlOnly(), backend="redis", servers=ours)
            refused.append(str(caught.value))
        return site.db.read(key)

    with servers() as ours:
        cachewise.run(SHORT, Custom(read), backend="redis", servers=ours)
    assert refused == ["this session's redis server is in a run already; side by side, each run needs its own"]


@pytest.mark.servers
def test_threads_do_not_share_a_server(temporary: Path) -> None:
    """Of four threads that want one session's server at once one gets it; there is never a second, and none is left."""
    told: list[str] = []

    def work() -> None:
        try:
            cachewise.run(SHORT, TtlOnly(), backend="memcached", servers=ours)
        except UserError as error:
            told.append(str(error))
        else:
            told.append("done")

    with servers() as ours:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([command for command in living(temporary) if "watchdog" not in command]) == 1
    assert "done" in told
    assert all("in a run already" in line for line in told if line != "done")
    assert living(temporary) == []


@pytest.mark.servers
def test_a_session_that_is_over_starts_nothing(temporary: Path) -> None:
    """Used after its block it would leave a server behind that nobody stops."""
    with servers() as ours:
        ours.start("memcached", virtual=False)
    with pytest.raises(UserError, match="this session of servers is over"):
        cachewise.run(SHORT, TtlOnly(), backend="memcached", servers=ours)
    with pytest.raises(UserError, match="this session of servers is over"):
        cachewise.run(SHORT, TtlOnly(), backend="file", servers=ours)
    assert list(temporary.iterdir()) == []


@pytest.mark.servers
def test_memcached_does_not_live_to_2038() -> None:
    """A session's server whose faked clock has come far is replaced by a young one."""
    long = replace(SHORT, reads_per_s=1e-6, writes_per_s=1e-6, duration_s=60_000_000)
    with servers() as ours:
        first = ours.start("memcached", virtual=True)
        for expected in (True, False):
            cachewise.run(long, TtlOnly(), backend="memcached", servers=ours)
            assert (ours.start("memcached", virtual=True) is first) == expected


def test_nothing_is_started_that_is_not_needed(temporary: Path) -> None:
    """A run on an embedded backend makes no session's folder, and an empty session is closed like any other."""
    session = Servers()
    cachewise.run(SHORT, TtlOnly(), servers=session)
    assert list(temporary.iterdir()) == []
    session.close()
    session.close()
