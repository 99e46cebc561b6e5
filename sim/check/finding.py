"""The words of a check: the subject, the trials and their findings."""

from dataclasses import dataclass
from typing import Literal

from ..backends import Call
from ..contract import Strategy
from ..daemons.session import Servers
from ..errors import CodeError, ForbiddenError, StrategyError, UserError, one_line, words_of
from ..own.blame import said_plainly
from ..runner import run
from ..verdict.result import Result, Run
from ..world.scenario import Scenario

Verdict = Literal["held", "broke", "not claimed"]


@dataclass(frozen=True)
class Finding:
    """The result of one trial; `detail` says what was measured.

    `again` is a run that shows it, if a command can repeat it; `frames` is the traceback of an exception in a user's
    file.
    """

    what: str
    verdict: Verdict
    detail: str
    again: Run | None = None
    frames: str = ""


class BrokeError(Exception):
    """The strategy raised an exception or broke the contract; the message is one line."""

    def __init__(self, message: str, frames: str = "") -> None:
        super().__init__(message)
        self.frames = frames


@dataclass(frozen=True)
class Subject:
    """A strategy on a backend, and the servers that its runs may start."""

    strategy: Strategy
    backend: str
    servers: Servers

    def play(
        self, scenario: Scenario, seed: int = 1, *, strategy: Strategy | None = None, log: list[Call] | None = None
    ) -> Result:
        """Run *scenario* with the strategy, or with another one in its place.

        Raises:
            BrokeError: if the strategy caused the error.
            UserError: for any other error that ends the run.
        """
        try:
            with said_plainly():
                return run(
                    scenario,
                    self.strategy if strategy is None else strategy,
                    backend=self.backend,
                    seed=seed,
                    servers=self.servers,
                    log=log,
                )
        except (StrategyError, CodeError, ForbiddenError) as error:
            raise BrokeError(str(error), getattr(error, "frames", "")) from error
        except UserError:
            raise
        except Exception as error:
            if not getattr(error, "__notes__", ()):  # only a request adds a note: it is ours
                raise
            words = [f"{type(error).__name__}: {words_of(error)}", *error.__notes__]
            raise BrokeError(one_line(" ".join(words), 300)) from error
