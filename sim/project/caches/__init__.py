"""A project's caches on virtual time: simulated, private, and watched call by call."""

from .births import Births
from .blank import blank_for_evaluation
from .opening import ProjectCaches, open_caches
from .patterns import merged, pattern_of
from .sites import Sites
from .stores import Stores, StoreValues

__all__ = [
    "Births",
    "ProjectCaches",
    "Sites",
    "StoreValues",
    "Stores",
    "blank_for_evaluation",
    "merged",
    "open_caches",
    "pattern_of",
]
