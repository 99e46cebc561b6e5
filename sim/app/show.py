"""Before a run each function of an experiment is called once, so that what cannot be judged is refused in time."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.core.cache import caches

from ..application import App
from ..errors import UserError
from ..judge.facts import Facts
from ..judge.families import snapshots_of
from ..judge.trial import Candidate, Trial, tried
from ..project import celery, chance
from ..project.caches import Blanks
from ..project.client import Handler, ProjectClient, forget_the_last_request
from ..project.clock import ProjectClock
from ..project.databases.connections import let_go_of_all
from ..project.stage import Project
from .traffic import Audience
from .users import Users

COLUMNS = ("function", "status", "bytes", "statements", "cache calls", "commits")


def show(project: Project, family: str, clock: ProjectClock, audience: Audience, users: Users) -> Trial:
    """Call each function with its first arguments, for its first user, who is logged in; nothing of it is left.

    Of the databases a login may be left, where sessions are kept in them.
    """
    for alias, cache in Blanks(project.caches, project.app.stores).with_stores({}).items():
        caches[alias] = cache  # in which sessions stay, and no copy
    celery.silence()
    project.app.judging = lambda _name, _response: None
    calls = _Calls(clock, Handler(), audience, users)
    candidates = list(_candidates(project.app, calls))
    let_go_of_all()
    return tried(candidates, snapshots_of(family, project.databases))


def row_of(one: Candidate, facts: Facts) -> Mapping[str, str]:
    """Return what a function did, as a row with `COLUMNS`."""
    status = "-" if facts.status is None else str(facts.status)
    size = "-" if one.kind == "journey" else f"{facts.size_bytes:,}"
    counts = (f"{count:,}" for count in (facts.statements, facts.cache_calls, facts.commits))
    return dict(zip(COLUMNS, (f"{one.kind} {one.name}", status, size, *counts), strict=True))


def _candidates(app: App, calls: "_Calls") -> Iterator[Candidate]:
    for one in app.reads:
        yield Candidate("read", one.name, calls.of(one), one.expect, one.judge)
    for one in app.writes:
        yield Candidate("write", one.name, calls.of(one), one.expect)
    for journey in app.journeys:
        yield Candidate("journey", journey.name, calls.of(journey))


class _Calls:
    """How the functions are called."""

    def __init__(self, clock: ProjectClock, handler: Handler, audience: Audience, users: Users) -> None:
        self._clock = clock
        self._handler = handler
        self._audience = audience
        self._users = users

    def of(self, one: Any) -> Callable[[float, int], Any]:
        """Return what calls the function of *one*, at a second of the run and with a chance; its user logs in now."""
        args = self._audience.args.get(one.name, [()])[0]
        client = ProjectClient(self._handler)
        if one.name not in self._audience.users:
            return partial(self._call, one.func, client, args)
        user = self._users.all[self._audience.users[one.name][0]]
        client.force_login(user)
        return partial(self._call, one.func, client, (user, *args))

    def _call(
        self, func: Callable[..., Any], client: ProjectClient, args: tuple[Any, ...], at_s: float, dice: int
    ) -> Any:
        self._clock.show(at_s)
        chance.reseed(dice)
        forget_the_last_request()
        _require_fit(func, args)
        return func(client, *args)


def _require_fit(func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Make sure that a function can be called with a client and *args*.

    Raises:
        UserError: if it cannot, with what it gets.
    """
    try:
        inspect.signature(func).bind(None, *args)
    except TypeError as error:
        gets = f"the client and {len(args)} more: the user, if there are users=, then an entry of args="
        raise UserError(f"it is called with {gets if args else 'the client alone'}; {error}") from None
