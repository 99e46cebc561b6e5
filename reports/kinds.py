"""The words for the contenders of a case: strategies, or the variants of a team's own project."""

from dataclasses import dataclass

from ..sim.app.outcome import VariantAsStrategy
from ..sim.application import AS_IT_IS, NO_CACHE


@dataclass(frozen=True)
class Kind:
    """The words for the contenders of a case.

    `bounds` are contenders that nobody can choose. `familiar` is the one that most users begin with: its wrong pages
    lead the answer. `query` and `queries` are the words for requests to the database.
    """

    one: str
    many: str
    query: str
    queries: str
    bounds: tuple[str, ...]
    familiar: str


STRATEGIES = Kind("strategy", "strategies", "query", "queries", ("no-cache", "oracle"), "ttl-only")
VARIANTS = Kind("variant", "variants", "statement", "statements", (NO_CACHE,), AS_IT_IS)


def kind_of(competitor: object) -> Kind:
    """Return the kind of *competitor*, the strategy of a run."""
    return VARIANTS if isinstance(competitor, VariantAsStrategy) else STRATEGIES
