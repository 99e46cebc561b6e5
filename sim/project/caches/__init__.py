"""A project's caches on virtual time: simulated, private, and watched call by call."""

from .births import Births
from .blank import Blanks
from .opening import ProjectCaches, open_caches
from .patterns import merged, pattern_of
from .sites import Sites
from .stores import Stores, StoreValues

__all__ = [
    "Births",
    "Blanks",
    "ProjectCaches",
    "Sites",
    "StoreValues",
    "Stores",
    "merged",
    "open_caches",
    "pattern_of",
]
