"""cachewise: which cache-invalidation strategy should a Django workload use?

This is the public face, which strategies, scenarios and notebooks import. Each name is imported when it is first used,
so that `cachewise --help` needs neither Django nor numpy. Behind it are `cachewise.sim`, `cachewise.strategies`,
`cachewise.scenarios` and `cachewise.reports`; in the repository they are the folders of these names at the top.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sim.application import App
    from .sim.command.compare import Comparison, compare
    from .sim.command.main import run_script
    from .sim.contract import Bound, Costs, RollbackError, Row, Site, Strategy
    from .sim.daemons.session import Servers, servers
    from .sim.errors import StrategyError, UserError
    from .sim.functions import FromFunctions
    from .sim.runner import run
    from .sim.verdict.result import Result
    from .sim.world.scenario import Scenario

    __version__: str

__all__ = [
    "App",
    "Bound",
    "Comparison",
    "Costs",
    "FromFunctions",
    "Result",
    "RollbackError",
    "Row",
    "Scenario",
    "Servers",
    "Site",
    "Strategy",
    "StrategyError",
    "UserError",
    "compare",
    "run",
    "run_script",
    "servers",
]
_HOMES = {
    **dict.fromkeys(("Bound", "Costs", "RollbackError", "Row", "Row_v1", "Site", "Strategy"), ".sim.contract"),
    **dict.fromkeys(("StrategyError", "UserError"), ".sim.errors"),
    **dict.fromkeys(("Servers", "servers"), ".sim.daemons.session"),
    **dict.fromkeys(("Comparison", "compare"), ".sim.command.compare"),
    "App": ".sim.application",
    "FromFunctions": ".sim.functions",
    "Result": ".sim.verdict.result",
    "Scenario": ".sim.world.scenario",
    "run": ".sim.runner",
    "run_script": ".sim.command.main",
}
_FOLDERS = ("reports", "scenarios", "sim", "strategies")

_top = Path(__file__).parent.parent.parent
if (_top / "sim" / "contract.py").is_file():  # a clone: the folders are at its top, not in this one
    __path__.append(str(_top))


if not TYPE_CHECKING:  # else a type checker would accept any name

    def __getattr__(name: str) -> object:
        """Import a public name, or one of the folders."""
        if name == "__version__":
            from importlib.metadata import version

            return version("cachewise")
        if name in _FOLDERS:
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module 'cachewise' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
        return found


def __dir__() -> list[str]:
    """Return the public names, the names of the folders, and Python's own."""
    return sorted({*__all__, *_FOLDERS, "__version__", *(name for name in globals() if name.startswith("__"))})
