"""cachewise's simulator: a discrete-event simulation over real Django cache backends, every read judged.

The names below are imported when they are first used: `cachewise --help` needs neither Django nor numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.contract import Bound, Costs, Row, Site
    from sim.daemons.session import Servers, servers
    from sim.errors import StrategyError, UserError
    from sim.result import Result
    from sim.runner import run
    from sim.scenario import Scenario

__all__ = [
    "Bound",
    "Costs",
    "Result",
    "Row",
    "Scenario",
    "Servers",
    "Site",
    "StrategyError",
    "UserError",
    "run",
    "servers",
]
_HOMES = {
    **dict.fromkeys(("Bound", "Costs", "Row", "Site"), "sim.contract"),
    **dict.fromkeys(("StrategyError", "UserError"), "sim.errors"),
    **dict.fromkeys(("Servers", "servers"), "sim.daemons.session"),
    "Result": "sim.result",
    "Scenario": "sim.scenario",
    "run": "sim.runner",
}


def __getattr__(name: str) -> Any:
    """Import one of the public names."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
