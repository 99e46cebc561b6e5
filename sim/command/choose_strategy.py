"""Chooses a strategy as it is typed: by its name, or by its file or module."""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..contract import Strategy
from ..declared import check_declared, default_of, is_odd, parameters, strategy_name
from ..engine.request_time import request_time
from ..errors import UserError, file_name, one_line, unknown
from ..functions import FromFunctions
from ..own.blame import said_plainly, where_defined
from ..own.find import Maker, from_file, from_module, is_module
from ..own.homes import Home, give_home
from ..own.methods import check_methods
from ..own.offers import Offer, offers
from ..own.sources import source_of
from ..world.durations import is_time, plain, seconds
from .choose import UNSET, number_or_none

OURS = f"{__name__.partition('.')[0]}.strategies"
BY_DATACLASS = "the fields of a dataclass (write @dataclass above the class)"
FLAGS = {"true": True, "false": False}


class _Typed(NamedTuple):
    """The parts of ``where:Name:param=value,...``: `name` may be empty."""

    where: str
    name: str
    settings: str


def choose_strategy(text: str, known: Mapping[str, type[Strategy]], timeout: Any = UNSET) -> Strategy:
    """Return the strategy of *text*, which may end with parameters: ``:param=value,...``.

    It is the ``name`` of one of *known* or of one that a package offers, ``FILE.py`` (the only strategy in there),
    ``FILE.py:Name`` or ``package.module:Name``. *timeout* replaces the default of its timeout.

    Raises:
        UserError: for an unknown strategy or parameter, or a value that is not valid.
        CodeError: for an exception in a user's file.
    """
    typed = _parts(text)
    if "," in typed.where:
        raise UserError(f"strategy {one_line(text)!r}: repeat --strategy for each one")
    if typed.where in known:
        settings = ":".join(filter(None, (typed.name, typed.settings)))
        return _made(text, typed.where, known[typed.where], settings, timeout)
    with request_time():  # if a file imports a clock while it is loaded, it gets the virtual one
        title, maker = _theirs(typed, known)
        return _made(text, title, maker, typed.settings, timeout)


def plain_strategy(text: str) -> str:
    """Return a strategy as it is typed with its times in seconds: ``ttl-only:timeout=600`` for ``timeout=10m``."""
    typed = _parts(text)
    if not typed.settings:
        return text
    pairs = (one.partition("=") for one in typed.settings.split(","))
    settings = ",".join(f"{param}{equals}{_plain(param, value)}" for param, equals, value in pairs)
    return ":".join(filter(None, (typed.where, typed.name, settings)))


def _plain(param: str, value: str) -> str:
    try:
        return plain(seconds(param, value)) if is_time(param) else value
    except UserError:  # another kind of value, or none that will do
        return value


def parameters_of(strategy: object) -> dict[str, Any]:
    """Return a strategy's parameters with their defaults, or `dataclasses.MISSING` if there is none."""
    return {name: default_of(one) for name, one in parameters(strategy).items()}


def _offered_by(name: str, known: Mapping[str, type[Strategy]]) -> Offer | None:
    """Return the package's offer with this *name*, if there is one; a name in *known* comes first.

    Raises:
        UserError: if several packages offer a strategy with this name.
    """
    found = [] if name in known else [one for one in offers() if one.name == name]
    if len(found) > 1:
        raise UserError(
            f"strategy {one_line(name)!r} is offered by {' and by '.join(one.package for one in found)}: "
            f"write {' or '.join(dict.fromkeys(one.target for one in found))}"
        )
    return found[0] if found else None


def _parts(text: str) -> _Typed:
    where, _, rest = text.strip().partition(":")
    name, _, settings = rest.partition(":")
    return _Typed(where, name, settings) if "=" not in name else _Typed(where, "", rest)


def _theirs(typed: _Typed, known: Mapping[str, type[Strategy]]) -> tuple[str, Maker]:
    """Find a strategy that is not one of *known*, note where it comes from; return its name in messages, and it.

    Raises:
        UserError, CodeError: as `choose_strategy`.
    """
    offer = _offered_by(typed.where, known)
    if offer is not None:
        variable, maker, _module = offer.made()
        _note_home(maker, Home(offer.name, offer.package, variable, offer.name))
        return offer.name, maker
    if typed.where.endswith(".py") or "/" in typed.where or "\\" in typed.where:
        variable, maker, module = from_file(typed.where, typed.name)
    elif _is_dotted(typed.where) and typed.name.isidentifier():
        variable, maker, module = from_module(typed.where, typed.name)
    else:
        raise _unknown(typed, known)
    source = source_of(module.__name__)
    place = source.shown if source else typed.where
    name = strategy_name(maker)
    _note_home(maker, Home(f"{place}:{variable}", place, variable, name, taken=name in known, source=source))
    return f"{place}:{variable}", maker


def _note_home(maker: Maker, home: Home) -> None:
    if not maker.__module__.startswith(OURS):  # cachewise's own strategies keep their names, wherever they are imported
        give_home(maker, home)


def _unknown(typed: _Typed, known: Mapping[str, type[Strategy]]) -> UserError:
    hint = ""
    if _is_file(f"{typed.where}.py"):
        hint = f"; to take it from the file, write ./{typed.where}.py"
    elif _is_dotted(typed.where) and is_module(typed.where):
        hint = f"; to take one from the module, write {typed.where}:Name"
    return UserError(f"{unknown('strategy', typed.where, [*known, *(one.name for one in offers())])}{hint}")


def _is_dotted(where: str) -> bool:
    return all(map(str.isidentifier, where.split(".")))


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a zero byte
        return False


def _made(text: str, title: str, maker: Maker, settings: str, timeout: Any) -> Strategy:
    """Return the strategy with the parameters that *settings* names.

    Raises:
        UserError: for an unknown or a missing parameter, or a value that is not valid.
        CodeError: if its own code raises an exception.
    """
    known = parameters(maker)
    where = f"strategy {one_line(text)!r}"
    values = {"timeout": timeout} if timeout is not UNSET and "timeout" in known else {}
    for setting in filter(None, settings.split(",")):
        param, equals, value = setting.partition("=")
        if param not in known:
            reason = unknown("parameter", param, known) if known else f"{title} takes no parameters{_hint(maker)}"
            raise UserError(f"{where}: {reason}")
        if not equals:
            raise UserError(f"{where}: write {param}=VALUE")
        values[param] = _value(f"{where}: {param}", value, known[param])
    missing = [name for name, one in known.items() if name not in values and default_of(one) is MISSING]
    if missing:
        raise UserError(
            f"{where}: it needs {', '.join(missing)}: write {title}:{','.join(f'{one}=VALUE' for one in missing)}"
        )
    _check_makeable(title, maker, values)
    with said_plainly(file_name(title)):
        strategy: Strategy = maker if isinstance(maker, FromFunctions) else partial(maker, **values)()
    try:
        check_declared(strategy)
        check_methods(strategy)
    except UserError as error:
        place = file_name(title.partition(":")[0])
        raise error if str(error).startswith(place) else UserError(f"{place}: {error}") from None
    return strategy


def _hint(maker: Maker) -> str:
    """Return a hint on how a class that is not a dataclass gets parameters."""
    return "" if isinstance(maker, FromFunctions) or is_dataclass(maker) else f": they are {BY_DATACLASS}"


def _check_makeable(title: str, maker: Maker, values: Mapping[str, Any]) -> None:
    """Refuse a class whose own `__init__` needs arguments that are not parameters.

    Raises:
        UserError: with the arguments, and the place.
    """
    if isinstance(maker, FromFunctions):
        return
    try:
        inspect.signature(maker).bind(**values)
    except ValueError:  # its signature cannot be read
        return
    except TypeError as error:
        where = where_defined(maker.__init__) or f"{file_name(title)}: "
        raise UserError(f"{where}{maker.__name__}.__init__(): {error}: parameters are {BY_DATACLASS}") from None


def _value(where: str, text: str, param: "Field[Any]") -> Any:
    """Return a parameter's value as typed, of the type of its default or its annotation.

    Raises:
        UserError: if it is not valid.
    """
    default, annotation = default_of(param), getattr(param.type, "__name__", str(param.type))
    if isinstance(default, bool) or (default is MISSING and annotation == "bool"):
        if text.strip().lower() not in FLAGS:
            raise UserError(f"{where}={one_line(text, 40)}: write true or false")
        return FLAGS[text.strip().lower()]
    if isinstance(default, str) or (not isinstance(default, (int, float)) and "str" in annotation):
        return None if text == "none" and default is None else text
    if default is not MISSING and is_odd(default):
        raise UserError(f"{where} is a {type(default).__name__}: only numbers, texts, true and false can be typed")
    return number_or_none(where, param.name, text)
