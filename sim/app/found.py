"""Recognises the files that are experiments of an own app. Their settings module, env and start are read, not run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..application import App
from ..errors import UserError, file_name, one_line, unknown

EARLY = ("settings", "env", "start")  # arguments that are needed before Django is set up
ARGUMENTS = (*EARLY, "fill")


@dataclass(frozen=True)
class Experiment:
    """A file with ``APP = App(...)``, as it was when the command began. `shown` is its path as the user typed it."""

    path: Path
    shown: str
    text: bytes
    settings: str
    env: dict[str, str]
    start_s: float


def experiment_at(typed: str) -> Experiment | None:
    """Return the experiment in the file at *typed*; None if there is no such file, or it has no `App`.

    Raises:
        UserError: if an argument that is needed before the file is imported is not a literal.
    """
    path = Path(typed)
    if path.suffix != ".py" or not path.is_file():
        return None
    try:
        text = path.read_bytes()
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):  # reported when the file is loaded as a scenario
        return None
    call = _app_in(tree, file_name(typed))
    if call is None:
        return None
    app = _declared(call, f"{file_name(typed)}, line {call.lineno}")
    return Experiment(path.resolve(), typed, text, app.settings, app.env, app.start.timestamp())


def _app_in(tree: ast.Module, where: str) -> ast.Call | None:
    """Return the call in ``APP = App(...)`` or ``APP = cachewise.App(...)`` at the top of a file.

    Raises:
        UserError: if the variable has another name.
    """
    calls = [(names, call) for names, call in _calls_in(tree) if _is_app(call.func)]
    for names, call in calls:
        if "APP" in names:
            return call
    for names, call in calls:
        raise UserError(f"{where}, line {call.lineno}: the variable of App(...) is {one_line(names[0])}; call it APP")
    return None


def _calls_in(tree: ast.Module) -> Iterator[tuple[list[str], ast.Call]]:
    """Yield the assignments of a call's result at the top of a file: the names of the variables, and the call."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [one.id for one in targets if isinstance(one, ast.Name)]
        call = getattr(node, "value", None)
        if names and isinstance(call, ast.Call):
            yield names, call


def _is_app(func: ast.expr) -> bool:
    return ast.unparse(func) in ("App", "cachewise.App")


def _declared(call: ast.Call, where: str) -> App:
    """Return the `App` of *call* with only those arguments that are needed before Django is set up."""
    values: dict[str, Any] = {}
    for name, node in [("settings", one) for one in call.args[:1]] + [(one.arg, one.value) for one in call.keywords]:
        if name in EARLY:
            values[name] = _literal(name, node, where)
        elif name is None:
            raise UserError(f"{where}: App(**{one_line(ast.unparse(node), 40)}): write its arguments out one by one")
        elif name != "fill":
            raise UserError(f"{where}: App({one_line(name)}=...): {unknown('argument', name, ARGUMENTS)}")
    if "settings" not in values:
        raise UserError(f"{where}: App(...) takes a settings module first, such as 'shop.settings'")
    _require_env(values.get("env"), where)
    try:
        return App(values.pop("settings"), **values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _literal(name: str, node: ast.expr, where: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        written = one_line(ast.unparse(node), 60)
        right = {"settings": "'shop.settings'", "env": "{'STRIPE_KEY': 'none'}", "start": "'2025-01-01'"}[name]
        raise UserError(
            f"{where}: App({name}={written}): it is read before the file is imported, so write a literal: {right}"
        ) from None


def _require_env(env: Any, where: str) -> None:
    if env is None or (isinstance(env, dict) and all(isinstance(one, str) for pair in env.items() for one in pair)):
        return
    raise UserError(f"{where}: App(env={one_line(repr(env), 60)}): it must be a mapping of text to text")
