"""Sets an errand's project up, for the scout, the sketch and each run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..project.outside import Guard
from ..project.stage import Project, set_up
from .errand import Errand


def project_of(
    errand: Errand,
    places: Mapping[str, Mapping[str, Any]],
    family: str,
    guard: Guard,
    overrides: Mapping[str, Any] | None = None,
) -> Project:
    """Set the project of *errand* up, with *places* for its databases, and return it.

    Raises:
        UserError: if the project cannot be run. Exceptions of its code are passed on unchanged.
    """
    return set_up(
        Path(errand.file),
        errand.text,
        Path(errand.folder),
        module=errand.settings,
        overrides=overrides or {},
        places=places,
        family=family,
        guard=guard,
    )
