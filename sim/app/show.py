"""Calls each function of an experiment once before the runs, to refuse in time what cannot be judged."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.core.cache import caches

from ..application import App
from ..errors import UserError
from ..judge.facts import Facts, Judged
from ..judge.families import snapshots_of
from ..judge.trial import Candidate, Trial, tried
from ..project import celery, chance
from ..project.caches import Blanks
from ..project.client import Handler, ProjectClient, forget_the_last_request
from ..project.clock import ProjectClock
from ..project.databases.connections import let_go_of_all
from ..project.stage import Project
from .steps import replay_of, strange
from .traffic import Audience
from .users import Users

COLUMNS = ("function", "status", "bytes", "statements", "cache calls", "commits")


def show(project: Project, family: str, clock: ProjectClock, audience: Audience, users: Users) -> Trial:
    """Call each function with its first arguments, for its first user, who is logged in, and undo its changes.

    Only the login may stay in the databases, if sessions are kept there.
    """
    for alias, cache in Blanks(project.caches, project.app.stores).with_stores({}).items():
        caches[alias] = cache  # they keep sessions, but no copies
    celery.silence()
    calls = _Calls(clock, Handler(), audience, users)
    project.app.judging, project.app.pausing = calls.judge, calls.pause
    candidates = list(_candidates(project.app, calls))
    let_go_of_all()
    return tried(candidates, snapshots_of(family, project.databases))


def row_of(one: Candidate, facts: Facts) -> Mapping[str, str]:
    """Return the row of a function, with `COLUMNS`: what its call did."""
    status = "-" if facts.status is None else str(facts.status)
    size = "-" if one.kind == "journey" else f"{facts.size_bytes:,}"
    counts = (f"{count:,}" for count in (facts.statements, facts.cache_calls, facts.commits))
    return dict(zip(COLUMNS, (f"{one.kind} {one.name}", status, size, *counts), strict=True))


def _candidates(app: App, calls: "_Calls") -> Iterator[Candidate]:
    for one in app.reads:
        yield Candidate("read", one.name, calls.of(one), one.expect, one.judge, logged_in=one.users is not None)
    for one in app.writes:
        yield Candidate("write", one.name, calls.of(one), one.expect, logged_in=one.users is not None)
    for journey in app.journeys:
        yield Candidate("journey", journey.name, calls.of(journey), judged=calls.judged)


class _Calls:
    """Calls the functions."""

    def __init__(self, clock: ProjectClock, handler: Handler, audience: Audience, users: Users) -> None:
        self._clock = clock
        self._handler = handler
        self._audience = audience
        self._users = users
        self._client: ProjectClient | None = None  # the client of the current call
        self.judged: list[Judged] = []  # the responses that the current call has judged

    def pause(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._clock.sleeper(seconds)

    def judge(self, name: str, response: Any, expect: tuple[int, ...]) -> None:
        """Note a response that a journey judges.

        Raises:
            UserError: if it is not the response to a GET of this journey.
        """
        if self._client is None or getattr(response, "client", None) is not self._client:
            raise strange(name)
        replay = replay_of(name, response.request)
        since_s, cookies = self._clock.source(), response.cachewise_cookies

        def again(at_s: float, dice: int) -> Any:
            self._begin(since_s + at_s, dice)
            client = ProjectClient(self._handler)
            client.cookies.load(cookies)
            return client.request(**replay)

        self.judged.append(Judged(name, response, expect, again))

    def of(self, one: Any) -> Callable[[float, int], Any]:
        """Log the user of *one* in, and return what calls its function at a given second with a given random seed."""
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
        self._client = client
        self.judged.clear()
        self._begin(at_s, dice)
        _require_fit(func, args)
        return func(client, *args)

    def _begin(self, at_s: float, dice: int) -> None:
        """Set the second of the run and the random seed, and forget the request before."""
        self._clock.show(at_s)
        chance.reseed(dice)
        forget_the_last_request()


def _require_fit(func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Make sure that a function can be called with a client and *args*.

    Raises:
        UserError: if it cannot, with its arguments.
    """
    try:
        inspect.signature(func).bind(None, *args)
    except TypeError as error:
        gets = f"the client and {len(args)} more: the user, if there are users=, then an entry of args="
        raise UserError(f"it is called with {gets if args else 'the client alone'}; {error}") from None
