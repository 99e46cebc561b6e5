"""Repeats a read in the judge's process: without a cache, as the project would have answered at a given time."""

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import Any

from django.core.cache import caches

from ..application import App
from ..judge.compare import Shown, shown
from ..judge.question import Question
from ..project import celery, chance, sessions
from ..project.caches import Blanks
from ..project.client import Handler, ProjectClient, forget_the_last_request
from ..project.clock import ProjectClock
from .traffic import handed


class Evaluator:
    """Answers questions on the state of the database that this process sees."""

    def __init__(
        self,
        app: App,
        entries: Mapping[str, Any],
        clock: ProjectClock,
        handler: Handler,
        users: Sequence[Any],
        seed: int,
    ) -> None:
        self._functions = {one.name: one for one in app.reads}
        self._blanks = Blanks(entries, app.stores)
        self._clock = clock
        self._handler = handler
        self._users = users
        self._seed = seed

    def __call__(self, question: Question, began_s: float, stores: Mapping[tuple[str, str], Any]) -> Shown:
        """Return the answer to *question* at *began_s*; *stores* are the entries that are kept in caches alone.

        Each question has context variables of its own, as a thread has: so the active language of one never reaches
        another.
        """
        return copy_context().run(self._answer, question, began_s, stores)

    def _answer(self, question: Question, began_s: float, stores: Mapping[tuple[str, str], Any]) -> Shown:
        self._clock.show(began_s)
        chance.reseed(self._seed)
        celery.silence()
        forget_the_last_request()
        for alias, cache in self._blanks.with_stores(stores).items():
            caches[alias] = cache
        sessions.hand_in(stores)
        client = ProjectClient(self._handler)
        client.cookies.load(question.cookies)
        if question.replay is not None:
            return shown(client.request(**question.replay))
        func = self._functions[question.name]
        given = question.args if question.user is None else (handed(self._users[question.user]), *question.args)
        return shown(func.func(client, *given), func.judge)
