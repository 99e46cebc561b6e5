"""The state that a strategy keeps outside the cache: in itself, its classes, and the modules of its code."""

import pickle
import sys
from collections import deque
from inspect import ismemberdescriptor
from typing import Any

PLAIN = (dict, list, set, bytearray, deque, int, float, complex, str, bytes, tuple, frozenset, type(None))
State = dict[tuple[str, str], Any]  # (holder, name): bytes or text that can be compared
NOTHING = pickle.dumps(None)


def state_of(strategy: object) -> State:
    """Return all state that a strategy can keep: its attributes, those of its class, its module's globals.

    Classes and modules hold more than state, so only their plain values and containers count. Cachewise's own are left
    out.
    """
    classes = [cls for cls in reversed(type(strategy).__mro__) if _is_theirs(cls)]
    functions = getattr(strategy, "functions", {}).values()
    modules = {str(one.__module__) for one in (*classes, *functions) if _is_theirs(one)}
    found: dict[tuple[str, str], Any] = {}
    for holder in (*filter(None, map(sys.modules.get, sorted(modules))), *classes):
        plain = {name: value for name, value in vars(holder).items() if isinstance(value, PLAIN)}
        found |= {(repr(holder), name): value for name, value in plain.items() if not name.startswith("__")}
    slots = [name for cls in classes for name, value in vars(cls).items() if ismemberdescriptor(value)]
    own = {name: getattr(strategy, name) for name in slots if hasattr(strategy, name)}
    found |= {("", name): value for name, value in {**own, **getattr(strategy, "__dict__", {})}.items()}
    return {place: _frozen(value) for place, value in found.items()}


def _is_theirs(part: Any) -> bool:
    """Return whether a class or function is neither ours nor Python's."""
    package = str(getattr(part, "__module__", "")).partition(".")[0]
    return package not in (__name__.partition(".")[0], *sys.stdlib_module_names) or package == "__main__"


def _frozen(value: Any) -> Any:
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001 - if it cannot be pickled, its repr is compared
        return repr(value)
