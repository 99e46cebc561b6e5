"""Strategies that installed packages offer: the entry points of the group `cachewise.strategies`."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from ..errors import UserError, one_line
from .find import Maker, from_module

GROUP = "cachewise.strategies"


@dataclass(frozen=True)
class Offer:
    """A strategy that a package offers: `package` is the distribution with its version."""

    name: str
    package: str
    point: EntryPoint

    @property
    def target(self) -> str:
        """Its place as `--strategy` takes it, for when its name is not unique."""
        return f"{self.point.module}:{self.point.attr}" if self.point.attr else self.point.module

    def made(self) -> tuple[str, Maker, ModuleType]:
        """Return its variable, the strategy, and its module.

        Raises:
            UserError: if there is no such object, or it is not a strategy.
            CodeError: if its module raises an exception.
        """
        where = f"strategy {one_line(self.name)!r} of {self.package}"
        try:
            return from_module(self.point.module, self.point.attr)
        except UserError as error:
            error.args = (f"{where}: {error}", *error.args[1:])
            raise


def offers() -> list[Offer]:
    """Return what the installed packages offer, sorted by name, then by package."""
    found = [Offer(one.name, _package(one), one) for one in entry_points(group=GROUP)]
    return sorted(found, key=lambda one: (one.name, one.package))


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
