"""A team's own project as an experiment: what is read, written and done in it, and the variants that compete.

A file beside ``manage.py`` declares it as ``APP``; `docs/own-app.md` shows one. Nothing here imports Django.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar, cast

from .errors import UserError, one_line, unknown

Function = TypeVar("Function", bound=Callable[..., Any])
Declared = TypeVar("Declared")
Given = ParamSpec("Given")
Timeouts = Mapping[str, float | None]
START = datetime(2025, 1, 1, tzinfo=UTC)
AS_IT_IS, NO_CACHE = "as it is", "no cache"  # the variants that are always there


@dataclass(frozen=True)
class Requests:
    """Requests of one kind: which function serves them, how often they come, and with which arguments.

    `args` gives the list of arguments that the function can be called with, one entry a call: a value, or a tuple of
    several. With `users`, the client is logged in, and the function gets the user after the client. A status in
    `expect` is not a failure. `judge` picks the part of a read's result that matters.
    """

    name: str
    func: Callable[..., Any]
    per_s: float
    args: Any = None
    popularity: str = "uniform"
    users: Any = None  # how many, or a function that returns them
    expect: tuple[int, ...] = (200,)
    judge: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Journey:
    """The steps of one user; each response that is given to `App.judge` counts as a read."""

    name: str
    func: Callable[..., Any]
    per_s: float
    users: Any


@dataclass(frozen=True)
class Event:
    """Something that happens once, `at_s` seconds after the run's start."""

    name: str
    func: Callable[..., Any]
    at_s: float


@dataclass(frozen=True)
class Variant:
    """A contender: the project with other timeouts (by key pattern), settings or code.

    `settings` gets the project's own settings and returns a mapping of those that differ. `code` is called once the
    URLconf is loaded.
    """

    name: str
    timeouts: Timeouts = field(default_factory=dict)
    settings: Callable[[Any], Mapping[str, Any]] | None = None
    code: Callable[[], object] | None = None
    needs: str = ""  # an optional package, by its name for pip

    @property
    def changes(self) -> tuple[str, ...]:
        """The kinds of change: "timeouts", "settings", "code"."""
        return tuple(name for name in ("timeouts", "settings", "code") if getattr(self, name))

    @property
    def missing(self) -> str:
        """One line that says why this variant cannot run here; empty if it can."""
        if not self.needs or _installed(self.needs):
            return ""
        return f"variant {one_line(self.name)!r} is left out: pip install {self.needs}"


def _by_name(method: Callable[Given, Declared]) -> Callable[Given, Declared]:
    """Make a decorator refuse positional arguments and unknown names with a helpful line."""
    verb, known = method.__name__, [*signature(method).parameters][1:]

    @wraps(method)
    def checked(app: Any, *given: Any, **named: Any) -> Any:
        if given:
            raise UserError(f"@APP.{verb} takes its arguments by name, its rate first: @APP.{verb}(per_s=1)")
        for name in named:
            if name not in known:
                raise UserError(f"@APP.{verb}: {unknown('argument', name, known)}")
        return method(app, **named)

    return cast("Callable[Given, Declared]", checked)


class App:
    """A Django project under virtual time: its settings module, and what happens in it.

    Args:
        settings: the settings module, as DJANGO_SETTINGS_MODULE has it.
        env: environment variables that the settings need, besides those of the shell.
        fill: fixtures to load after migrate, a name or several; or decorate a function with `fill`.
        start: the first instant that the project sees, a date or a time with its time zone (UTC, if it has none).

    Raises:
        UserError: for an argument that is not valid; all methods raise it, too.
    """

    def __init__(
        self,
        settings: str,
        *,
        env: Mapping[str, str] | None = None,
        fill: str | Sequence[str] = (),
        start: str | date = START,
    ) -> None:
        if not isinstance(settings, str) or not all(part.isidentifier() for part in settings.split(".")):
            raise UserError(f"App({settings!r:.60}): it takes a settings module first, such as 'shop.settings'")
        self.settings = settings
        self.env = dict(env or {})
        self.fixtures = (fill,) if isinstance(fill, str) else tuple(fill)
        self.start = _instant(start)
        self.filling: Callable[[], object] | None = None
        self.reads: list[Requests] = []
        self.writes: list[Requests] = []
        self.journeys: list[Journey] = []
        self.events: list[Event] = []
        self.variants: list[Variant] = []
        self.stores: list[str] = []
        self.judging: Callable[[str, Any, tuple[int, ...]], None] | None = None  # set while a run is under way
        self.pausing: Callable[[float], None] = time.sleep  # replaced during a run, where virtual time passes

    def fill(self, func: Function) -> Function:
        """Call *func* once, after migrate: it fills the database."""
        if self.filling is not None:
            raise UserError(f"@APP.fill decorates two functions: {self.filling.__name__} and {func.__name__}")
        self.filling = func
        return func

    @_by_name
    def read(
        self,
        *,
        per_s: float,
        args: Any = None,
        popularity: str = "uniform",
        users: Any = None,
        expect: int | Sequence[int] = 200,
        judge: Callable[[Any], Any] | None = None,
    ) -> Callable[[Function], Function]:
        """Declare a function as a read: a view through the client, a queryset, anything. Its result is judged."""
        return self._requests(self.reads, "read", per_s, args, popularity, users, expect, judge)

    @_by_name
    def write(
        self,
        *,
        per_s: float,
        args: Any = None,
        popularity: str = "uniform",
        users: Any = None,
        expect: int | Sequence[int] = (200, 201, 204, 302, 303),
    ) -> Callable[[Function], Function]:
        """Declare a function as a write: it changes rows."""
        return self._requests(self.writes, "write", per_s, args, popularity, users, expect, None)

    @_by_name
    def journey(self, *, per_s: float, users: Any) -> Callable[[Function], Function]:
        """Declare a function as a journey, the steps of one user who is logged in; it gets a client and the user."""

        def declare(func: Function) -> Function:
            name = self._name_of(func, "journey")
            self.journeys.append(Journey(name, func, _rate(f"@APP.journey {name}", per_s), users))
            return func

        return declare

    def at(self, time_s: float) -> Callable[[Function], Function]:
        """Call a function once, *time_s* seconds after the run's start."""
        at_s = _rate("@APP.at", time_s, least=0.0)

        def declare(func: Function) -> Function:
            self.events.append(Event(self._name_of(func, "at"), func, at_s))
            return func

        return declare

    def variant(
        self,
        name: str,
        *,
        timeouts: Timeouts | None = None,
        settings: Callable[[Any], Mapping[str, Any]] | Mapping[str, Any] | None = None,
        needs: str = "",
    ) -> Callable[[Function], Function]:
        """Add a variant of the project with other timeouts or settings; used as a decorator, with other code.

        If the package that it *needs* (by its name for pip) is not installed, the variant is left out.
        """
        if (
            not isinstance(name, str)
            or not name.strip()
            or name in {AS_IT_IS, NO_CACHE, *(v.name for v in self.variants)}
        ):
            raise UserError(f"APP.variant({name!r:.60}): it needs a name that no other variant has")
        checked = _timeouts(name, timeouts or {})
        given = (lambda _settings: settings) if isinstance(settings, Mapping) else settings
        place = len(self.variants)
        self.variants.append(Variant(name, checked, given, needs=needs))

        def declare(func: Function) -> Function:
            self.variants[place] = replace(self.variants[place], code=func)
            return func

        return declare

    def store(self, *patterns: str) -> None:
        """Declare keys that hold the only copy of something, such as carts, rather than a copy of the database."""
        self.stores.extend(patterns)

    def pause(self, seconds: float) -> None:
        """Let virtual time pass, between the steps of a journey."""
        self.pausing(seconds)

    def judge(self, name: str, response: Any, *, expect: int | Sequence[int] = 200) -> Any:
        """Judge *response* as a read called *name*, and return it; for the steps of a journey.

        A status that is not in *expect* is a failure.
        """
        if self.judging is None:
            raise UserError(f"APP.judge({name!r:.60}) can only be called during a run")
        self.judging(name, response, _statuses(expect))
        return response

    def _requests(
        self,
        kind: list[Requests],
        verb: str,
        per_s: float,
        args: Any,
        popularity: str,
        users: Any,
        expect: int | Sequence[int],
        judge: Callable[[Any], Any] | None,
    ) -> Callable[[Function], Function]:
        def declare(func: Function) -> Function:
            name = self._name_of(func, verb)
            rate = _rate(f"@APP.{verb} {name}", per_s)
            kind.append(Requests(name, func, rate, args, popularity, users, _statuses(expect), judge))
            return func

        return declare

    def _name_of(self, func: Any, verb: str) -> str:
        if not callable(func):
            raise UserError(f"@APP.{verb} takes its arguments by name and decorates a function, not {func!r:.60}")
        name = func.__name__
        there: list[Any] = [*self.reads, *self.writes, *self.journeys, *self.events]
        if name in {one.name for one in there}:
            raise UserError(f"@APP.{verb}: there are two functions called {one_line(name)}; rename one")
        return str(name)


def _rate(where: str, value: Any, least: float = 1e-9) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < math.inf:
        raise UserError(f"{where}: {value!r:.40} must be a number, {'more than 0' if least else '0 or more'}")
    return float(value)


def _statuses(expect: int | Sequence[int]) -> tuple[int, ...]:
    return (expect,) if isinstance(expect, int) else tuple(expect)


def _installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _timeouts(name: str, timeouts: Timeouts) -> dict[str, float | None]:
    for pattern, value in timeouts.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not isinstance(pattern, str) or not (value is None or (number and 0 <= value < math.inf)):
            raise UserError(
                f"APP.variant({one_line(name)!r}): timeouts={{{pattern!r:.60}: {value!r:.40}}}: "
                "it must map a pattern of keys to seconds or None"
            )
    return dict(timeouts)


def _instant(start: str | date) -> datetime:
    try:
        found = datetime.fromisoformat(start) if isinstance(start, str) else start
        if not isinstance(found, datetime):
            found = datetime.combine(found, time_of_day.min, UTC)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, AttributeError):
        raise UserError(f"App(start={start!r:.40}): it must be a date or a time, such as '2025-01-01'") from None
