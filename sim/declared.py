"""Reads what a strategy declares about itself. All of it is optional; reports claim nothing that is not declared."""

import re
import sys
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

from .contract import Bound, Costs
from .errors import UserError, one_line

DECLARED = ("name", "costs", "stale_at_most", "needs")
NO_NAME = re.compile(r"[:,()\s]")  # these separate a name from its parameters, so no name may contain them


def strategy_name(strategy: object) -> str:
    """Return the `name` that a strategy or its class declares, or else one made from the class's name.

    A class that is called `Strategy` is named after its file.
    """
    name = getattr(strategy, "name", None)
    if isinstance(name, str):
        return name
    cls = strategy if isinstance(strategy, type) else type(strategy)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return plain_name(Path(file).stem if cls.__name__ == "Strategy" and file else cls.__name__)


def plain_name(word: str) -> str:
    """Return a Python name in the form of strategy names: `DeleteTwice` and `delete_twice` become ``delete-twice``."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", word)
    return parts.strip("-").lower() or word


def strategy_title(strategy: object) -> str:
    """Return the name of a strategy in messages about its code: its class, or the variable of a `FromFunctions`."""
    return str(getattr(strategy, "__name__", type(strategy).__name__))


def declared_bound(strategy: object) -> Bound | None:
    """Return how old an outdated read can get by design; None where the strategy does not say."""
    bound: Bound | None = getattr(strategy, "stale_at_most", None)
    return bound


def declared_costs(strategy: object) -> Costs | None:
    """Return the round trips that the strategy declares; None where it declares none."""
    costs: Costs | None = getattr(strategy, "costs", None)
    return costs


def parameters(strategy: Any) -> dict[str, "Field[Any]"]:
    """Return the parameters of a strategy or its class, by name; there are none if it is not a dataclass.

    A declaration (`DECLARED`) is not a parameter, even if its ``ClassVar`` was forgotten.
    """
    declared = fields(strategy) if is_dataclass(strategy) else ()
    return {one.name: one for one in declared if one.init and one.name not in DECLARED}


def default_of(parameter: "Field[Any]") -> Any:
    """Return a parameter's default, or `dataclasses.MISSING` if it has none."""
    return parameter.default if parameter.default_factory is MISSING else parameter.default_factory()


def is_odd(value: object) -> bool:
    """Return whether a parameter's *value* cannot be written on the command line."""
    return value is not None and not isinstance(value, (bool, int, float, str))


def check_declared(strategy: object) -> None:
    """Check the declarations of a strategy.

    Raises:
        UserError: for one that is not valid, with its value and the valid ones.
    """
    title = strategy_title(strategy)
    name, bound, costs = (getattr(strategy, declared, None) for declared in ("name", "stale_at_most", "costs"))
    needs = getattr(strategy, "needs", ())
    if name is not None and (not isinstance(name, str) or not name.isprintable() or NO_NAME.search(name) or not name):
        raise UserError(f"{title}: name = {_shown(name)}: it must be a text without blanks, ':', ',' and brackets")
    if bound is not None and bound not in get_args(Bound):
        either = ", ".join(repr(one) for one in get_args(Bound))
        raise UserError(f"{title}: stale_at_most = {_shown(bound)}: it must be one of {either}, or left out")
    if costs is not None and not (isinstance(costs, Costs) and all(isinstance(one, int) for one in costs)):
        raise UserError(
            f"{title}: costs = {_shown(costs)}: it must be Costs(on_hit=..., added_by_miss=..., on_write=...) "
            "of whole numbers, or left out"
        )
    if not isinstance(needs, tuple) or not all(isinstance(one, str) for one in needs):
        raise UserError(f'{title}: needs = {_shown(needs)}: it must be a tuple such as ("cache.delete_pattern",)')


def _shown(value: object) -> str:
    return one_line(repr(value), 60)
