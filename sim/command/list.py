"""The verb `list`: prints what there is to choose from, each with a line about it."""

import ast
import shutil
import textwrap
from dataclasses import MISSING
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from ..own.offers import Offer


class Listing(StrEnum):
    """What `list` lists."""

    SCENARIOS = "scenarios"
    STRATEGIES = "strategies"
    BACKENDS = "backends"


ABOUT_LIST = """\b
Examples:
  cachewise list scenarios
  cachewise list strategies
"""


def list_(what: Annotated[Listing, typer.Argument(metavar="WHAT", help="scenarios, strategies or backends")]) -> None:
    """List the scenarios, the strategies or the backends."""
    listed = {Listing.SCENARIOS: _scenarios, Listing.STRATEGIES: _strategies, Listing.BACKENDS: _backends}
    for name, text in listed[what]():
        _say(name, text)
    if what is Listing.STRATEGIES:
        typer.echo("\nWhat your code does today, and what it is called here:\n")
        for code, name in _today():
            _say(code, name)


def _say(name: str, text: str) -> None:
    """Print *name*, and below it *text*: one line each, or as wide as the terminal; a pipe has no width."""
    width = shutil.get_terminal_size((0, 0)).columns
    words = textwrap.TextWrapper(max(width - 4, 20), subsequent_indent="  ", break_long_words=False)
    words.break_on_hyphens = False
    for line, indent in ((name, ""), (text, "    ")):
        pieces = words.wrap(line) if width else [line]
        typer.echo(textwrap.indent("\n".join(pieces), indent))


def _scenarios() -> list[tuple[str, str]]:
    """Return the scenarios that come with cachewise, with their reasons."""
    from .choose import app_files, choose_scenario, scenario_names

    listed = [(name, choose_scenario(name).scenario.why) for name in scenario_names()]
    return [*listed, *((name, _about(path)) for name, path in app_files().items())]


def _about(path: "Path") -> str:
    """Return the first line of a file's docstring, without running the file."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _strategies() -> list[tuple[str, str]]:
    """Return the strategies as ``name:param=default,...``, each with a description and its origin."""
    from ...strategies import STRATEGIES
    from ..own.offers import offers

    listed = [_strategy(name, strategy, "cachewise") for name, strategy in STRATEGIES.items()]
    return [*listed, *(_offered(one, taken=one.name in STRATEGIES) for one in offers())]


def _today() -> list[tuple[str, str]]:
    """Return what code does today, and what that is called here."""
    from .today import TODAY

    return [(one.code.replace("`", ""), one.here.replace("`", "")) for one in TODAY]


def _strategy(name: str, strategy: Any, origin: str) -> tuple[str, str]:
    from .choose_strategy import parameters_of

    params = ",".join(f"{param}={_default(default)}" for param, default in parameters_of(strategy).items())
    about = (strategy.__doc__ or "").strip().partition("\n")[0]
    return f"{name}:{params}" if params else name, f"{about} ({origin})" if about else f"({origin})"


def _default(default: Any) -> str:
    return "VALUE" if default is MISSING else str(default)


def _offered(offer: "Offer", *, taken: bool) -> tuple[str, str]:
    """Return the line of a package's strategy, or of the reason why it cannot be run."""
    if taken:
        return offer.name, f"cachewise has a strategy of this name; write {offer.target} ({offer.package})"
    try:
        _variable, maker, _module = offer.made()
    except UserError as error:
        return offer.name, f"broken: {error}"
    return _strategy(offer.name, maker, offer.package)


def _backends() -> list[tuple[str, str]]:
    """Return the backends, each with a description and Django's default limit of entries."""
    from ..backends import BACKENDS

    most = {one.name: f"; {one.auto_max_entries} entries" if one.auto_max_entries else "" for one in BACKENDS.values()}
    return [(one.name, f"{one.what}{most[one.name]}") for one in BACKENDS.values()]
