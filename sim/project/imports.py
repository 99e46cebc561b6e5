"""Changes to modules: to one as soon as it is imported, and to all that have imported something by name."""

import importlib.abc
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Change = Callable[[Any], object]


def replace_by_name(stand_ins: Mapping[int, Any], keep: Container[str]) -> None:
    """Put stand-ins (by the `id` of the original) into all modules that imported the original by name, permanently.

    Packages in *keep* go on with the originals.
    """
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] not in keep:
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if id(value) in stand_ins:
                    setattr(module, name, stand_ins[id(value)])


def after_import(module: str, change: Change) -> None:
    """Call *change* with *module*: now if it is imported, otherwise as soon as it is."""
    if module in sys.modules:
        change(sys.modules[module])
        return
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    _FINDER.changes.setdefault(module, []).append(change)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds a module as the other finders do, and applies the changes after its import."""

    def __init__(self) -> None:
        self.changes: dict[str, list[Change]] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of the next finder, with a loader that makes the changes."""
        if name not in self.changes:
            return None
        changes = self.changes.pop(name)
        others = (one.find_spec(name, path, target) for one in sys.meta_path if one is not self)
        spec = next((spec for spec in others if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                for change in changes:
                    change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_FINDER = _Finder()
