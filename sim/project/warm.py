"""Does Django's lazy work before a process forks; otherwise each fork would do it again."""

import sys
from contextlib import suppress
from typing import Any

from django.urls import get_resolver
from django.urls.exceptions import NoReverseMatch
from django.utils.functional import SimpleLazyObject


def warm_up() -> None:
    """Compile the regular expressions of imported Django modules, and build the tables of the URLconf."""
    for name, module in list(sys.modules.items()):
        if name.startswith("django."):
            for value in list(vars(module).values()):
                if type(value) is SimpleLazyObject and _is_expression(value):
                    bool(value.pattern)
    with suppress(NoReverseMatch, AttributeError):  # no such name or no URLconf; the tables are built anyway
        get_resolver().reverse("")


def _is_expression(value: Any) -> bool:
    return getattr(value.__dict__.get("_setupfunc"), "__module__", "") == "django.utils.regex_helper"
