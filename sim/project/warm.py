"""What Django puts off until it is first needed, made before a process forks: else each fork would make it anew."""

import sys
from contextlib import suppress
from typing import Any

from django.urls import get_resolver
from django.urls.exceptions import NoReverseMatch
from django.utils.functional import SimpleLazyObject


def warm_up() -> None:
    """Compile the regular expressions of Django's modules that are imported, and the tables of the URLconf."""
    for name, module in list(sys.modules.items()):
        if name.startswith("django."):
            for value in list(vars(module).values()):
                if type(value) is SimpleLazyObject and _is_expression(value):
                    bool(value.pattern)
    with suppress(NoReverseMatch, AttributeError):  # there is no such name, or no URLconf; the tables are made
        get_resolver().reverse("")


def _is_expression(value: Any) -> bool:
    return getattr(value.__dict__.get("_setupfunc"), "__module__", "") == "django.utils.regex_helper"
