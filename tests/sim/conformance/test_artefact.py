"""What the backends really do: the committed document is made anew, and every name in it is there."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import django
import pytest

from cachewise import Scenario, UserError
from cachewise.sim.conformance.cases import CALLS
from cachewise.sim.conformance.deciders import decider, timeout_decider
from cachewise.sim.conformance.report import EVERY, Examined, document, examine
from cachewise.sim.conformance.stage import Cue, Raised, Stage
from cachewise.sim.conformance.table import tables
from tests.helpers import ROOT, SERVERS, Custom, run

VERSION = ".".join(map(str, django.VERSION[:2]))
ARTEFACT = ROOT / "docs" / f"conformance-django-{VERSION}.md"
MAKE = f"cachewise doctor --conformance --format markdown > docs/{ARTEFACT.name}"
HOMES = (
    "django.core.cache.backends.base",
    "django.core.cache.backends.dummy",
    "django.core.cache.backends.locmem",
    "django.core.cache.backends.filebased",
    "django.core.cache.backends.db",
    "django.core.cache.backends.redis",
    "django.core.cache.backends.memcached",
    "django.db.models.query",
    "django_redis.client",
    "pymemcache.client.hash",
)

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def examined() -> list[Examined]:
    """Return what is found out about every backend."""
    return [examine(backend, SERVERS) for backend in EVERY]


def test_the_document_is_what_the_backends_do(examined: list[Examined]) -> None:
    """The committed document says, byte for byte, what the backends of this Django do now."""
    assert ARTEFACT.exists(), f"there is none for Django {VERSION}; make it: {MAKE}"
    assert document(examined) == ARTEFACT.read_text(), f"it says something else now; if that is right: {MAKE}"


def test_every_surprise_is_confirmed(examined: list[Examined]) -> None:
    """Nothing is claimed of a backend that it does not do, and nothing is claimed of none."""
    verdicts = [verdict for one in examined for verdict in one.verdicts]
    assert len(verdicts) > 80
    assert [(one.backend, one.claim.says, one.seen.words) for one in verdicts if not one.seen.holds] == []


def test_what_nobody_could_interrupt_is_not_called_atomic(examined: list[Examined]) -> None:
    """Only calls in which another caller could come in between, as they met, are called so."""
    atomic = {
        (one.found.backend, row[0]): row[list(table.head).index("atomic")]
        for one in examined
        for table in tables(one.found)
        for row in table.rows
    }
    assert {word for (backend, _), word in atomic.items() if backend == "locmem"} > {"one instant", "yes"}
    assert atomic["locmem", "set"] == atomic["db", "set"] == "one instant"
    assert atomic["redis", "add"] == atomic["memcached", "set_many"] == "one send"
    assert atomic["redis", "get_or_set"] == atomic["dummy", "set_many"] == "yes"


def deciders(examined: list[Examined]) -> Iterator[str]:
    """Yield every function that is named, as ``Class.function``."""
    for one in examined:
        texts = [one.found.timeouts_by, *one.found.deciders.values()]
        texts += [verdict.claim.decided_by for verdict in one.verdicts]
        yield from re.findall(r"[A-Z]\w+\.\w+", " ".join(texts))


def test_every_deciding_function_exists(examined: list[Examined]) -> None:
    """Whatever is said to decide something is a function of Django's or of a client library's."""
    named = set(deciders(examined))
    modules = [import_module(name) for name in HOMES]
    missing = [
        name
        for name in named
        if not any(hasattr(getattr(module, name.split(".")[0], None), name.split(".")[1]) for module in modules)
    ]
    assert len(named) > 40
    assert missing == []


def test_pylibmc_is_driven_as_well(tmp_path: Path) -> None:
    """A cache of one's own is driven like any other, and what is claimed of its class is put to the test."""
    file = tmp_path / "pylibmc.toml"
    file.write_text('BACKEND = "django.core.cache.backends.memcached.PyLibMCCache"')
    verdicts = examine(str(file), SERVERS).verdicts
    assert [one.claim.says for one in verdicts if not one.seen.holds] == []
    assert {one.claim.decided_by for one in verdicts} > {"PyLibMCCache.touch", "BaseMemcachedCache.set"}


def test_a_client_that_waits_in_vain_is_stopped(tmp_path: Path) -> None:
    """After a touch in the binary protocol libmemcached waits for bytes that never come: that is an exception."""
    file = tmp_path / "binary.toml"
    file.write_text('BACKEND = "django.core.cache.backends.memcached.PyLibMCCache"\n[OPTIONS]\nbinary = true\n')
    cues: list[Cue] = [(0.75, lambda cache: cache.set("k", 1)), (1.75, lambda cache: cache.touch("k", 9))]
    done = Stage(str(file), SERVERS).play([*cues, (2.75, lambda cache: cache.get("k"))])
    assert [one.result for one in done] == [None, Raised("UnansweredError"), 1]
    scenario = Scenario("touching", keys=1, reads_per_s=5, duration_s=2, warmup_s=0, cache_rtt_s=0)
    with pytest.raises(
        UserError, match=r"^pylibmc: touch\(\) came back only when its client gave up .* after 3 s: such"
    ):
        run(scenario, Custom(lambda site, key: site.cache.set(key, 1) or site.cache.touch(key, 9)), backend=str(file))


def test_a_class_that_is_no_subclass_of_djangos_is_driven_as_well(tmp_path: Path) -> None:
    """django-valkey's class has neither Django's get_backend_timeout nor async twins: its own functions are named."""
    file = tmp_path / "valkey.toml"
    file.write_text('BACKEND = "django_valkey.cache.ValkeyCache"')
    found = examine(str(file), SERVERS).found
    assert found.timeouts_by == found.deciders["set"] == "ClientCommands.set"
    assert found.deciders["get_or_set"] == "BackendCommands.get_or_set"
    assert found.unlike == list(CALLS)
    assert isinstance(found.of("incr", "expired").returned, Raised)


def test_what_a_class_does_not_have_is_said() -> None:
    """A call that a class has not is decided by nobody, and its timeouts by code of its own."""
    assert decider(object, "touch") == "nobody: it has none"
    assert timeout_decider(object) == "code of its own"
