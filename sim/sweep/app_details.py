"""Writes the details that only a project's run has as text: a cell keeps it beside the figures that all cells have.

The text is JSON in one fixed form, with keys in the order in which tables show them. JSON has no NaN, no tuples and no
arrays, and its keys are texts. So these are written as objects with one special key: ``{"$float": "nan"}``,
``{"$tuple": [...]}``, ``{"$array": [...]}`` and ``{"$dict": [[key, value], ...]}``. The text holds no times of this
machine's clock, and not the reads themselves.
"""

import json
import math
from dataclasses import fields
from typing import Any

import numpy as np

from ..app.outcome import AppOutcome, Setup
from ..experiment import Outcome

KEPT = tuple(one.name for one in fields(AppOutcome) if one.name not in ("outcome", "reads"))


def app_details(outcome: AppOutcome) -> str:
    """Return all of *outcome* as text, but for its `outcome` and `reads`; the same values give the same text."""
    details = {name: getattr(outcome, name) for name in KEPT}
    if outcome.setup is not None:
        details["setup"] = {one.name: getattr(outcome.setup, one.name) for one in fields(Setup)}
    return json.dumps(_plain(details), separators=(",", ":"), allow_nan=False)


def app_outcome(outcome: Outcome, details: str) -> AppOutcome:
    """Return the `AppOutcome` of *outcome* and the *details* that `app_details` has written."""
    found = _back(json.loads(details))
    if found["setup"] is not None:
        found["setup"] = Setup(**found["setup"])
    return AppOutcome(outcome, **found)


def _plain(value: Any) -> Any:
    """Return *value* as JSON can write it."""
    found = value
    if isinstance(value, float) and not math.isfinite(value):
        found = {"$float": str(float(value))}
    elif isinstance(value, list):
        found = [_plain(one) for one in value]
    elif isinstance(value, tuple):
        found = {"$tuple": [_plain(one) for one in value]}
    elif isinstance(value, np.ndarray):
        found = {"$array": [_plain(one) for one in value.tolist()]}
    elif isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("$") for key in value):
        found = {key: _plain(one) for key, one in value.items()}
    elif isinstance(value, dict):
        found = {"$dict": [[_plain(key), _plain(one)] for key, one in value.items()]}
    return found


def _back(value: Any) -> Any:
    """Return the value that `_plain` has turned into *value*."""
    found = value
    match value:
        case {"$float": text}:
            found = float(text)
        case {"$tuple": several}:
            found = tuple(_back(one) for one in several)
        case {"$array": several}:
            found = np.array([_back(one) for one in several], np.float64)
        case {"$dict": pairs}:
            found = {_back(key): _back(one) for key, one in pairs}
        case dict():
            found = {key: _back(one) for key, one in value.items()}
        case list():
            found = [_back(one) for one in value]
    return found
