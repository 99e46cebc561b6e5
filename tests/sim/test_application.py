"""What an experiment's file declares with `App`: what is kept of it, and what is refused in one line."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from cachewise import App, UserError
from cachewise.sim.application import START, Event, Journey, Requests, Variant


def page(*_given: Any) -> str:
    """Stand for what is read."""
    return "page"


def other(*_given: Any) -> str:
    """Stand for what else there is."""
    return "other"


def test_what_is_declared() -> None:
    """All of it is there in the order of the file, with what was left out as the documents say."""
    app = App("shop.settings", env={"KEY": "none"}, fill="rows.json")
    app.fill(page)
    app.read(per_s=50, args=[1, 2], popularity="zipf:1.0", judge=len)(page)
    app.write(per_s=1)(other)
    app.journey(per_s=2, users=5)(lambda client, user: (client, user))
    app.at(30)(lambda_named("deploy"))
    app.store("cart:*", "throttle:*")
    assert (app.fixtures, app.filling, app.start, app.stores) == (("rows.json",), page, START, ["cart:*", "throttle:*"])
    assert app.reads == [Requests("page", page, 50.0, [1, 2], "zipf:1.0", None, (200,), len)]
    assert app.writes == [Requests("other", other, 1.0, expect=(200, 201, 204, 302, 303))]
    (journey,), (event,) = app.journeys, app.events
    assert (journey.name, journey.per_s, journey.users) == ("<lambda>", 2.0, 5)
    assert isinstance(journey, Journey)
    assert (event.name, event.at_s) == ("deploy", 30.0)
    assert isinstance(event, Event)


def lambda_named(name: str) -> Callable[[], None]:
    """Return a function of that name."""

    def func() -> None: ...

    func.__name__ = name
    return func


def test_variants() -> None:
    """They stand in the order of the file; one that is a decorator gets its code, a mapping of settings is given."""
    app = App("shop.settings")
    app.variant("60 s", timeouts={"page:*": 60, "other": None})
    app.variant("code", timeouts={"*": 0})(other)
    app.variant("settings", settings={"CACHE_MIDDLEWARE_SECONDS": 60})
    first, second, third = app.variants
    assert first == Variant("60 s", {"page:*": 60, "other": None})
    assert (second.code, second.timeouts) == (other, {"*": 0})
    assert third.settings is not None
    assert third.settings(None) == {"CACHE_MIDDLEWARE_SECONDS": 60}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2025-06-01", datetime(2025, 6, 1, tzinfo=UTC)),
        (date(2025, 6, 1), datetime(2025, 6, 1, tzinfo=UTC)),
        ("2025-06-01T12:00", datetime(2025, 6, 1, 12, tzinfo=UTC)),
        ("2025-06-01T12:00+02:00", datetime(2025, 6, 1, 10, tzinfo=UTC)),
    ],
)
def test_the_first_instant(start: Any, expected: datetime) -> None:
    """A date or a time, in UTC unless it says otherwise."""
    assert App("shop.settings", start=start).start == expected


@pytest.mark.parametrize(
    ("declare", "line"),
    [
        (lambda _app: App("shop-settings"), "App('shop-settings'): it takes a settings module first"),
        (lambda _app: App(5), "App(5): it takes a settings module first"),  # type: ignore[arg-type]
        (lambda _app: App("s", start="soon"), "App(start='soon'): it must be a date or a time, such as '2025-01-01'"),
        (lambda app: [app.fill(page), app.fill(other)], "@APP.fill decorates two functions: page and other"),
        (lambda app: app.read(per_s=0)(page), "@APP.read page: 0 must be a number, more than 0"),
        (lambda app: app.write(per_s=math.inf)(page), "@APP.write page: inf must be a number, more than 0"),
        (lambda app: app.journey(per_s="5", users=1)(page), "@APP.journey page: '5' must be a number, more than 0"),
        (lambda app: app.at(-1)(page), "@APP.at: -1 must be a number, 0 or more"),
        (lambda app: app.read(per_s=1)("page"), "@APP.read takes its arguments by name and decorates a function"),
        (lambda app: app.read(page), "@APP.read takes its arguments by name, its rate first: @APP.read(per_s=1)"),
        (lambda app: app.journey(5, users=1), "@APP.journey takes its arguments by name, its rate first"),
        (lambda app: app.write(per_second=1), "@APP.write: unknown argument 'per_second'; did you mean 'per_s'?"),
        (lambda app: [app.read(per_s=1)(page), app.at(1)(page)], "@APP.at: there are two functions called page"),
        (lambda app: app.variant("no cache"), "APP.variant('no cache'): it needs a name that no other variant has"),
        (lambda app: app.variant(" "), "APP.variant(' '): it needs a name"),
        (lambda app: [app.variant("x"), app.variant("x")], "APP.variant('x'): it needs a name that no other variant"),
        (lambda app: app.variant("x", timeouts={"*": -1}), "APP.variant('x'): timeouts={'*': -1}: it must map"),
        (lambda app: app.judge("own profile", None), "APP.judge('own profile') can only be called during a run"),
    ],
)
def test_what_is_refused(declare: Callable[[App], Any], line: str) -> None:
    """In one line, where it stands in the file."""
    with pytest.raises(UserError) as refusal:
        declare(App("shop.settings"))
    assert str(refusal.value).startswith(line)
    assert "\n" not in str(refusal.value)
