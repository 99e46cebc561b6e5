"""What the backends really do: the committed document is made anew, and every name in it is there."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import django
import pytest

from sim.conformance.report import EVERY, Examined, document, examine
from tests.helpers import SERVERS

VERSION = ".".join(map(str, django.VERSION[:2]))
ARTEFACT = Path(__file__).parents[2] / "docs" / f"conformance-django-{VERSION}.md"
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


@pytest.mark.servers
def test_pylibmc_is_driven_as_well(tmp_path: Path) -> None:
    """A cache of one's own is driven like any other, and what is claimed of its class is put to the test."""
    file = tmp_path / "pylibmc.toml"
    file.write_text('BACKEND = "django.core.cache.backends.memcached.PyLibMCCache"')
    verdicts = examine(str(file), SERVERS).verdicts
    assert [one.claim.says for one in verdicts if not one.seen.holds] == []
    assert {one.claim.decided_by for one in verdicts} > {"PyLibMCCache.touch", "BaseMemcachedCache.set"}
