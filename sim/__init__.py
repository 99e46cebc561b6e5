"""cachewise's simulator: a discrete-event simulation over real Django cache backends, every read judged."""

from sim.contract import Bound, Costs, Row, Site
from sim.errors import StrategyError, UserError
from sim.result import Result
from sim.runner import run
from sim.scenario import Scenario

__all__ = ["Bound", "Costs", "Result", "Row", "Scenario", "Site", "StrategyError", "UserError", "run"]
