from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    metric: str
    half: float


def parse_precision(text):
    return ()


def seeds_wanted(t, v, least, most):
    return least


def shortfall(t, v):
    return ""
