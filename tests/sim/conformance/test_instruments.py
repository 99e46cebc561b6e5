"""The instruments: what they measure is known beforehand, and what is not so they refute."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.db.models.signals import post_save

from cachewise.sim.backends import BACKENDS
from cachewise.sim.command.findings import drive
from cachewise.sim.conformance.cases import Case
from cachewise.sim.conformance.claims import crowded, judge
from cachewise.sim.conformance.claims_known import KNOWN
from cachewise.sim.conformance.claims_signals import SIGNALS
from cachewise.sim.conformance.crowds import crowd, double_adds, lost_counts, seen_half_done
from cachewise.sim.conformance.lifetimes import Lifetime, lifetimes
from cachewise.sim.conformance.meetings import Meeting, met
from cachewise.sim.conformance.observe import Conformance, observe
from cachewise.sim.conformance.stage import Raised, Stage
from cachewise.sim.conformance.twins import hand_moved_cache, twins
from cachewise.sim.daemons.programs import Library
from tests.helpers import SERVERS

NOTHING = Conformance("", "", False, [], {}, {}, "", 0, [])  # noqa: FBT003 - for checks that do not look at it
LIVING = [(0.001, 1), (1.235, 1235), (59.9, 59_900), (86_400.017, 86_400_017), (3_000_000, 3_000_000_000)]


@dataclass(frozen=True)
class Stored(Case):
    """A key stored for *timeout* seconds."""

    timeout: float = 0

    def perform(self, cache: BaseCache) -> None:
        cache.set(self.key, 1, self.timeout)


@pytest.mark.parametrize(("timeout", "gone_ms"), LIVING)
def test_a_lifetime_is_found_to_the_millisecond(timeout: float, gone_ms: int) -> None:
    """Whatever the timeout, the search ends at the millisecond in which the entry is gone."""
    found = lifetimes(Stage("locmem", SERVERS), [Stored("set", "live", timeout=timeout)])
    assert found == [Lifetime(gone_ms)]


@pytest.mark.parametrize("backend", ["locmem", "dummy"])
def test_a_refuted_claim_tells_what_was_seen(backend: str) -> None:
    """What is said of another backend does not hold here, and the words never say that it does."""
    known = {claim.says: claim for claim in KNOWN}
    wrong = ("touch on an expired key is True and revives the old row", "clear is DELETE FROM, any prefix")
    for says in wrong:
        seen = known[says].check(Stage(backend, SERVERS), observe(backend, SERVERS))
        assert not seen.holds
        assert "is served again" not in seen.words
        assert backend != "dummy" or "is gone, too" not in seen.words


def test_a_projects_receivers_hear_nothing() -> None:
    """Who listens to all models in this process is not told of those that the conformance makes, and is again later."""
    heard: list[Any] = []

    def hear(sender: Any, **_kwargs: Any) -> None:
        heard.append(sender)

    post_save.connect(hear)
    try:
        stage = Stage("db", SERVERS)
        (claim,) = SIGNALS
        assert claim.check(stage, observe("dummy", SERVERS)).holds
        assert heard == []
        post_save.send(sender=Stored)
    finally:
        post_save.disconnect(hear)
    assert heard == [Stored]


def test_the_instant_itself_is_told_apart() -> None:
    """LocMem's entry is gone at its instant, the file backend's still there at it."""
    case = Stored("set", "live", timeout=2.5)
    assert str(lifetimes(Stage("locmem", SERVERS), [case])[0]) == "< 2.5"
    assert str(lifetimes(Stage("file", SERVERS), [case])[0]) == "≤ 2.5"


def test_forever_and_never() -> None:
    """An entry without a timeout lives for ever, one with a timeout of 0 not at all."""
    cases = [Case("set", "live", "None"), Case("set", "live", "0")]
    assert [str(one) for one in lifetimes(Stage("locmem", SERVERS), cases)] == ["for ever", "gone at once"]


class Fickle(Case):
    """A key stored for as long as chance has it."""

    def perform(self, cache: BaseCache) -> None:
        cache.set(self.key, 1, random.uniform(5, 1000))


def test_a_lifetime_that_differs_is_said_to() -> None:
    """Where the answers of two rounds contradict each other none of them is told as the lifetime."""
    assert [str(one) for one in lifetimes(Stage("locmem", SERVERS), [Fickle("set", "live")])] == ["differs each time"]


CARELESS = """
import pickle
from django.core.cache.backends.locmem import LocMemCache

class Cache(LocMemCache):  # looks first and acts then, with nothing locked in between
    def add(self, key, value, *args, **kwargs):
        if self.has_key(key):
            return False
        self.set(key, value, *args, **kwargs)
        return True

    def incr(self, key, delta=1, version=None):
        self.set(key, self.get(key, version=version) + delta, None, version)

class InOneLine(LocMemCache):
    def incr(self, key, delta=1, version=None):
        self._cache[self.make_key(key)] = pickle.dumps(pickle.loads(self._cache[self.make_key(key)]) + delta)
"""


@pytest.mark.parametrize(
    ("body", "name", "good"),
    [
        (lost_counts, "Cache", "lose no count"),
        (lost_counts, "InOneLine", "lose no count"),
        (double_adds, "Cache", "one adds each key"),
    ],
)
def test_real_threads_refute_what_only_looks_atomic(
    body: Callable[..., int], name: str, good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one call of a store the engine never switches; real threads do, and find a class that does not lock."""
    (tmp_path / "careless.py").write_text(CARELESS)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "careless.toml"
    file.write_text(f'BACKEND = "careless.{name}"')
    check = crowded(body, gives=0, words=good)
    assert not check(Stage(str(file), SERVERS), NOTHING).holds
    assert check(Stage("locmem", SERVERS), NOTHING) == (True, good)


PIECEMEAL = """
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

class Client(RedisCacheClient):
    def set_many(self, data, timeout):  # Django's own, but for MULTI
        pipeline = self.get_client(None, write=True).pipeline(transaction=False)
        for key, value in data.items():
            pipeline.set(key, self._serializer.dumps(value), ex=timeout)
        pipeline.execute()

class Cache(RedisCache):
    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = Client
"""


@pytest.mark.servers
def test_a_pipeline_without_multi_is_seen_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who reads beside many SETs of one pipeline finds them half done, beside a MULTI not."""
    (tmp_path / "piecemeal.py").write_text(PIECEMEAL)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "piecemeal.toml"
    file.write_text('BACKEND = "piecemeal.Cache"')
    assert crowd(Stage(str(file), SERVERS), seen_half_done)
    assert not crowd(Stage("redis", SERVERS), seen_half_done)


def _get_then_set(cache: Any, key: str) -> None:
    cache.set(key, cache.get(key) + 1)


@pytest.mark.parametrize(("part", "atomic"), [(_get_then_set, False), (lambda cache, key: cache.incr(key), True)])
def test_two_callers_show_what_is_not_atomic(part: Callable[[Any, str], Any], atomic: bool) -> None:
    """Counting by get and set loses counts beside another caller; LocMem's incr loses none."""
    meeting = Meeting("count", "count", part, (part,))
    times = met(Stage("locmem", SERVERS), [meeting])[meeting]
    assert (times == 0) == atomic


def test_round_trips_and_exceptions_are_seen() -> None:
    """An act's own round trips are told, and what it raises by name."""
    stage = Stage("file", SERVERS)
    stored, missed = stage.play([(0.75, lambda cache: cache.add("a", 1)), (0.75, lambda cache: cache.incr("b"))])
    assert stored == (True, ("has_key", "set"), 2)
    assert missed == (Raised("ValueError"), ("get",), 1)


def test_statements_are_counted_beyond_the_length_of_djangos_log() -> None:
    """Django keeps its last 9,000 queries: an act's own are told right after more than that."""
    cues = [(0.75, lambda cache: [cache.get("a") for _ in range(9500)] and None), (0.75, lambda cache: cache.get("a"))]
    assert Stage("db", SERVERS).play(cues)[1].trips == ("select",)


def test_claims_about_one_backend_are_refuted_on_another() -> None:
    """What is claimed of LocMem and does not hold for the file backend is refuted there."""
    stage = Stage("file", SERVERS)
    of_locmem = [claim._replace(backends=("file",)) for claim in KNOWN if claim.backends == ("locmem",)]
    refuted = [one.claim.says for one in judge(of_locmem, stage, observe("file", SERVERS)) if not one.seen.holds]
    assert refuted == [
        "set culls at MAX_ENTRIES even when it overwrites",  # but which entries is left to chance
        "add is atomic in the process",
        "incr is atomic and keeps the timeout",
        "touch on an expired key is False",
        "the cull takes the least recently used",
        "keeps a sub-second timeout",  # at the instant itself it is still there
    ]


@pytest.mark.parametrize("backend", ["locmem", "db", "redis", "memcached"])
def test_async_twins_do_what_the_calls_do(backend: str) -> None:
    """Outside the engine, on the real clock, every async call gives and leaves what its sync twin does."""
    compared, unlike = twins(backend, SERVERS)
    assert (compared, unlike) == (69, [])


@pytest.mark.servers
def test_twins_that_differ_are_named() -> None:
    """On django-redis two calls return something else than their twins, which are Django's."""
    assert twins("django-redis", SERVERS)[1] == ["set_many", "delete_many"]


@pytest.mark.parametrize("backend", ["locmem", "file", "db", "redis", "memcached", "django-redis"])
def test_a_clock_moved_by_hand_is_the_caches_own(backend: str) -> None:
    """Outside the engine, too, an entry lives by the clock it is given, and no real time passes."""
    with hand_moved_cache(backend, SERVERS) as (within, clock):
        within(lambda cache: cache.set("k", 1, 1000))
        clock.move(998.0)
        alive = within(lambda cache: cache.get("k"))
        clock.move(1001.0)
        assert (alive, within(lambda cache: cache.get("k"))) == (1, None)


def test_what_cannot_run_here_is_a_problem_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that was asked for and lacks something is one finding, and the others are driven all the same."""
    nowhere = replace(BACKENDS["locmem"], name="nowhere", needs=(Library("no_such_library", "such-a-library"),))
    monkeypatch.setitem(BACKENDS, "nowhere", nowhere)
    shown: list[str] = []
    (finding,) = drive(["nowhere", "dummy"], markdown=False, show=shown.append)
    assert (finding.verdict, finding.found) == ("PROBLEM", "not installed: such-a-library")
    assert finding.mend == "python -m pip install such-a-library"
    assert [text.partition(":")[0] for text in shown] == ["dummy"]
