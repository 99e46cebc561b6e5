"""A project's databases: private, and on virtual time.

`family_of` decides which there are; `create`, `copy` and `drop` make and remove them; `entries` and `left_out` say what
becomes of settings.DATABASES. `connections.py` dresses the connections of a run.
"""

from .families import entries, family_of, left_out
from .places import copy, create, drop

__all__ = ["copy", "create", "drop", "entries", "family_of", "left_out"]
