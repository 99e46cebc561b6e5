"""Points of a sweep over a team's own project: a variant on a backend, in the file's scenario with some fields set."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..app.outcome import run_of
from ..verdict.result import Run
from ..world.scenario import Scenario
from .app_cell import AppGround, AppTask
from .axes import Vary
from .identity import Identity, Surroundings, cell_key, key_of

ITS_OWN = "its own caches"  # if no backend is named: those in the project's CACHES
SERVERS = ("redis", "memcached", "postgres")  # any of which a project may use


@dataclass(frozen=True, eq=False)
class AppPoint:
    """A variant of a project on a backend; `fields` are the scenario's fields that are set, as texts."""

    contender: str
    backend: str
    at: tuple[object, ...]
    scenario: Scenario
    ground: AppGround
    chosen: str | None
    fields: tuple[tuple[str, str], ...]

    @property
    def requests(self) -> float:
        """How many requests a run has, on average."""
        return self.ground.requests(self.scenario)

    @cached_property
    def _key(self) -> str:
        return key_of(_identity(self))

    def key(self, seed: int) -> str:
        """Return the name of its cell with this seed."""
        return cell_key(self._key, seed)

    def load(self, seed: int) -> AppTask:
        """Return the task that is sent to the worker."""
        return self.ground.task(self.contender, self.chosen, seed, dict(self.fields))

    def run(self, seed: int) -> Run:
        """Return what identifies the run. Only the run itself finds out which kinds of caches the project has."""
        return run_of(self.scenario, self.contender, self.backend, seed)

    @property
    def files(self) -> Mapping[str, str]:
        """Return no files: a project's task holds the hash of the project's files itself."""
        return {}

    def surroundings(self) -> Surroundings:
        """Return what its runs need from a machine: a project can use any server, and any installed package."""
        return Surroundings(SERVERS, all_installed=True)


def make_app_points(ground: AppGround, settings: Mapping[str, str], varies: Sequence[Vary]) -> list[AppPoint]:
    """Return the grid's points: backends x places on the axes x variants.

    Raises:
        UserError: for a field that an app does not use, or a value that is not valid.
    """
    return [
        AppPoint(variant.name, backend or ITS_OWN, at, ground.scenario(dict(fields)), ground, backend, fields)
        for backend in ground.backends
        for at, fields in _places(settings, varies)
        for variant in ground.contenders
    ]


def _places(
    settings: Mapping[str, str], varies: Sequence[Vary]
) -> Iterator[tuple[tuple[object, ...], tuple[tuple[str, str], ...]]]:
    for texts in product(*(one.texts for one in varies)):
        chosen = {one.axis.name: text for one, text in zip(varies, texts, strict=True)}
        at = tuple(one.axis.values[one.texts.index(text)] for one, text in zip(varies, texts, strict=True))
        yield at, tuple(sorted({**settings, **chosen}.items()))


def _identity(point: AppPoint) -> Identity:
    ground = point.ground
    return {
        "surroundings": point.surroundings().lines(),
        "project": ground.print_,
        "experiment": hashlib.sha256(ground.experiment.text).hexdigest(),
        "env": sorted(ground.experiment.env.items()),
        "database": ground.database,
        "variant": _variant(point),
        "backend": point.chosen,
        "fields": point.fields,
    }


def _variant(point: AppPoint) -> list[str]:
    found = next(one for one in point.ground.contenders if one.name == point.contender)
    return [found.name, hashlib.sha256(found.overrides).hexdigest()]
