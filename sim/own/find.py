"""Finds the strategy that `--strategy` names in a file or a module."""

import importlib
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from ..contract import Strategy
from ..errors import UserError, file_name, one_line, unknown
from ..functions import FromFunctions
from ..modules import find_modules_here
from .blame import said_plainly
from .sources import THEIRS, from_here, load, source_at

Maker = type[Strategy] | FromFunctions  # a class, to be called with parameters, or a finished strategy
WHAT_IT_NEEDS = (
    "a strategy is a class with read(self, site, key) and write(self, site, key), or FromFunctions(read, write); "
    "`cachewise init --strategy FILE.py` writes one"
)


def from_file(typed: str, name: str) -> tuple[str, Maker, ModuleType]:
    """Return the variable, the strategy and the module of the strategy called *name* in the file at *typed*.

    If *name* is empty, it is the only strategy in the file.

    Raises:
        UserError: if there is no such file, no such strategy in it, or more than one to choose from.
        CodeError: if the file raises an exception when it is loaded.
    """
    path = Path(typed)
    if path.suffix != ".py":
        raise UserError(f"--strategy {file_name(typed)}: a file of strategies must be a Python file, ending in .py")
    if not path.is_file():
        raise UserError(f"{file_name(typed)}: no such file; `cachewise init --strategy {file_name(typed)}` writes one")
    source = source_at(typed)
    with said_plainly(source.shown):
        module = load(source)
    return *_the_one(module, name, source.shown), module


def from_module(dotted: str, name: str) -> tuple[str, Maker, ModuleType]:
    """Return the strategy called *name* in the module *dotted*, as `from_file` does.

    Raises:
        UserError, CodeError: as `from_file`.
    """
    find_modules_here()
    with said_plainly(dotted):
        spec = _spec_of(dotted)
    if spec is None:
        raise UserError(f"unknown strategy: there is no module {one_line(dotted)!r}{_file_hint(dotted)}")
    if spec.origin is not None:
        THEIRS[spec.origin] = from_here(spec.origin)
    with said_plainly(dotted):
        module = importlib.import_module(dotted)
    return *_the_one(module, name, dotted), module


def is_module(dotted: str) -> bool:
    """Return whether there is a module *dotted*. The packages around it are imported, the module itself is not.

    Raises:
        CodeError: if one of these packages raises an exception.
    """
    find_modules_here()
    with said_plainly(dotted):
        return _spec_of(dotted) is not None


def strategies_in(module: ModuleType) -> dict[str, Maker]:
    """Return the strategies that *module* defines, by variable; if it defines none, those that it imports."""
    found = {variable: one for variable, one in vars(module).items() if variable[:1] != "_" and is_strategy(one)}
    own = {variable: one for variable, one in found.items() if one.__module__ == module.__name__}
    return own or found


def is_strategy(one: Any) -> bool:
    """Return whether *one* is a concrete strategy class, or a strategy made of functions."""
    if isinstance(one, FromFunctions):
        return True
    if not inspect.isclass(one) or getattr(one, "_is_protocol", False) or issubclass(one, FromFunctions):
        return False
    methods = [getattr(one, verb, None) for verb in ("read", "write")]
    missing = (None, Strategy.read, Strategy.write)  # a subclass of `Strategy` inherits its empty methods
    return all(callable(method) and method not in missing for method in methods) and not inspect.isabstract(one)


def _the_one(module: ModuleType, name: str, place: str) -> tuple[str, Maker]:
    where = file_name(place)
    found = strategies_in(module)
    if name:
        meant = vars(module).get(name)
        if meant is None:
            raise UserError(f"{where}: {unknown('strategy', name, found)}" if found else f"{where}: {_none_of(name)}")
        if not is_strategy(meant):
            raise UserError(f"{where}: {one_line(name)} is no strategy: {WHAT_IT_NEEDS}")
        return name, meant
    if not found:
        raise UserError(f"{where}: there is no strategy in it: {WHAT_IT_NEEDS}")
    if len(found) > 1:
        raise UserError(f"{where}: which one? write {' or '.join(f'{place}:{variable}' for variable in found)}")
    ((variable, maker),) = found.items()
    return variable, maker


def _none_of(name: str) -> str:
    return f"there is no {one_line(name)} in it, and no strategy: {WHAT_IT_NEEDS}"


def _file_hint(dotted: str) -> str:
    file = f"./{dotted.replace('.', '/')}.py"
    return f"; the file is {file}" if Path(file).is_file() else ""


def _spec_of(dotted: str) -> Any:
    """Return the spec of a module, or None if there is no such module."""
    try:
        return importlib.util.find_spec(dotted)
    except ModuleNotFoundError as error:
        if error.name is not None and (dotted == error.name or dotted.startswith(f"{error.name}.")):
            return None
        raise
    except ValueError as error:
        if str(error).endswith("__spec__ is None"):  # `__main__`, which cannot be imported again
            return None
        raise
