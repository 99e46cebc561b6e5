"""A project's databases: private, and on virtual time.

`create`, `copy`, `drop` and `extensions_missing` are for the process that starts the others; the rest is for those that
have the project in them.
"""

from .families import entries, family_of, left_out
from .places import copy, create, drop

__all__ = ["copy", "create", "drop", "entries", "family_of", "left_out"]
