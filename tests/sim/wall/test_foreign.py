"""A server that was not started here: what is done around a run on it, in this very process."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache

from cachewise import UserError
from cachewise.sim.backends import BACKENDS
from cachewise.sim.wall.foreign import foreign_place
from tests.helpers import SERVERS

URL = "redis://127.0.0.1:1"


class Sulking(LocMemCache):
    """Cannot be emptied when told so."""

    sulks = False
    closed = 0

    def clear(self) -> None:
        """Fail, or do nothing."""
        if Sulking.sulks:
            raise ConnectionError("gone")

    def close(self, **_kwargs: Any) -> None:
        """Count."""
        Sulking.closed += 1


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Have a cache that does as it is told again."""
    yield
    Sulking.sulks, Sulking.closed = False, 0


SULKING = replace(BACKENDS["redis"], cache_class=Sulking)


def fail_with(error: Exception) -> None:
    """Be a run that fails, the server with it."""
    Sulking.sulks = True
    raise error


def test_a_cache_that_fails_is_closed() -> None:
    """What cannot be emptied is closed all the same."""
    Sulking.sulks = True
    with pytest.raises(UserError, match=r"it cannot be emptied: ConnectionError: gone"), foreign_place(SULKING, URL):
        pass
    assert Sulking.closed == 1


def test_a_runs_own_error_is_told_first() -> None:
    """Where a run fails and the emptying after it, too, the line says both; a fault of the code keeps its kind."""
    with pytest.raises(UserError) as caught, foreign_place(SULKING, URL):
        fail_with(UserError("worker process 0 ended in mid-run"))
    also = f"--server {URL}: it cannot be emptied: ConnectionError: gone"
    assert str(caught.value) == f"worker process 0 ended in mid-run; and {also}"
    Sulking.sulks = False
    with pytest.raises(ZeroDivisionError) as fault, foreign_place(SULKING, URL):
        fail_with(ZeroDivisionError())
    assert fault.value.__notes__ == [also]


def test_an_import_takes_nothing_from_the_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take longer than a server may to answer: it happens here, and not in the thread that is waited for."""
    (tmp_path / "slow_client.py").write_text(
        "import threading\nfrom django.core.cache.backends.locmem import LocMemCache as Slow\n"
        "imported_in = threading.current_thread()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with foreign_place(replace(BACKENDS["redis"], cache_class="slow_client.Slow"), URL):
        assert sys.modules["slow_client"].imported_in is threading.current_thread()


@pytest.mark.servers
def test_no_pool_of_connections_stays() -> None:
    """django-redis keeps its pools in a class for good: after a run there is none of the foreign server's."""
    server = SERVERS.start("redis", virtual=False)
    with foreign_place(BACKENDS["django-redis"], server.location):
        from django_redis.pool import ConnectionFactory

        assert server.location in ConnectionFactory._pools
    assert server.location not in ConnectionFactory._pools
