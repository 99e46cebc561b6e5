"""Where the user's own strategies come from, and their names in tables and for `--strategy`."""

from dataclasses import dataclass
from typing import Any

from ..declared import strategy_name
from ..functions import FromFunctions
from .sources import Source


@dataclass(frozen=True)
class Home:
    """Where a strategy comes from that is not one of cachewise's.

    `typed` is its name for `--strategy` (without parameters), `place` the file, module or package, `variable` its name
    in there. `taken` says whether a strategy of cachewise's has the same short name `name`.
    """

    typed: str
    place: str
    variable: str
    name: str
    taken: bool = False
    source: Source | None = None

    @property
    def origin(self) -> str:
        """The place; for a file, with its hash."""
        return f"{self.place}, sha256 {self.source.sha256}" if self.source else self.place


_HOMES: dict[Any, Home] = {}  # by the strategy's class; for one made of functions, by the strategy itself


def give_home(maker: Any, home: Home) -> None:
    """Note where *maker* comes from: a strategy's class, or an instance of `FromFunctions`."""
    _HOMES[maker] = home


def home_of(strategy: object) -> Home | None:
    """Return where a strategy comes from; None if from cachewise itself, or from the script that runs it."""
    return _HOMES.get(strategy if isinstance(strategy, FromFunctions) else type(strategy))


def short_name(strategy: object) -> str:
    """Return a strategy's name in tables; if another strategy has the same, its variable and place."""
    home = home_of(strategy)
    if home is None:
        return strategy_name(strategy)
    others = [one for one in _HOMES.values() if one.name == home.name and one.typed != home.typed]
    return f"{home.variable} ({home.place})" if others or home.taken else home.name


def typed_name(strategy: object) -> str:
    """Return a strategy's name for `--strategy`, without its parameters."""
    home = home_of(strategy)
    return strategy_name(strategy) if home is None else home.typed
