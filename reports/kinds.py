"""What competes in a case, strategies or the variants of a team's own project, and the words that go with it."""

from dataclasses import dataclass

from ..sim.app.outcome import VariantAsStrategy
from ..sim.application import AS_IT_IS, NO_CACHE


@dataclass(frozen=True)
class Kind:
    """The words for what competes.

    `bounds` is what nobody chooses; `familiar` is what most begin with: its wrong pages lead the answer.
    `query` and `queries` are what the database is asked.
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
    """Return what *competitor*, the strategy of a run, is one of."""
    return VARIANTS if isinstance(competitor, VariantAsStrategy) else STRATEGIES
