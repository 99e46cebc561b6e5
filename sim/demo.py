"""The demo: which scenarios it runs, each shortened."""

from collections.abc import Mapping
from typing import NamedTuple


class Part(NamedTuple):
    """A part of the demo: a scenario, shortened so that the whole takes less than a minute on two cores."""

    scenario: str
    settings: Mapping[str, str]
    timeout: str | None
    seeds: int


DEMO = (
    Part("product_list", {"duration_s": "600"}, None, 8),
    Part("transactional", {"warmup_s": "10", "duration_s": "12"}, "10", 5),
    Part("twitter_cluster52", {"duration_s": "450"}, None, 5),
)
