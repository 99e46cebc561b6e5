"""A project's databases: private, and on virtual time.

`family_of` chooses the kind of database. `create`, `copy` and `drop` make and remove databases. `entries` and
`left_out` tell how settings.DATABASES changes. `connections.py` prepares ("dresses") the connections of a run.
"""

from .families import entries, family_of, left_out
from .places import copy, create, drop

__all__ = ["copy", "create", "drop", "entries", "family_of", "left_out"]
