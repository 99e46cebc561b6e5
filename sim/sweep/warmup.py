"""Whether a warm-up was too short."""

from collections.abc import Sequence

from ..experiment import Outcome


def short_warmup(outcomes: Sequence[Outcome]) -> str | None:
    """Return a line."""
    del outcomes
    return None
