"""The workers of an app: their threads, which see the worker's own caches, and the requests that wait."""

from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING

from django.core.cache import caches as django_caches
from django.db import connections

from ..engine.scheduler import Task
from ..project.caches import ProjectCaches
from ..project.client import forget_the_last_request
from ..project.threads import VirtualThread

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """A worker process: its free threads, and the requests that wait for one.

    Args:
        number: the worker's number.
        threads: how many it has; None: no limit.
        context: the context variables in which its threads begin.
        caches: the caches of the run.
    """

    def __init__(self, number: int, threads: int | None, context: Context, caches: ProjectCaches) -> None:
        self.number = number
        self.waiting: deque[Callable[[VirtualThread], object]] = deque()  # called with the next free thread
        self._context = context
        self._caches = caches
        self._furnished: set[int | None] = set()
        self._limited = threads is not None
        self._made = 0
        self._free = [self._another() for _ in range(threads or 0)][::-1]

    @property
    def is_full(self) -> bool:
        """Whether a request that comes now must wait for a thread."""
        return self._limited and not self._free

    def thread(self) -> VirtualThread:
        """Return the free thread that was used last; if none is free, a new one."""
        return self._free.pop() if self._free else self._another()

    def background_thread(self, name: str) -> VirtualThread:
        """Return a thread for one piece of work of that name."""
        return VirtualThread(f"{name}, worker {self.number}", self._context)

    def give_back(self, thread: VirtualThread) -> None:
        """Give *thread* to the request that has waited longest, or let it be free."""
        if self.waiting:
            self.waiting.popleft()(thread)
        else:
            self._free.append(thread)

    def put_on(self, task: Task, thread: VirtualThread) -> None:
        """Let *thread* serve *task*, without anything left from its last request; *task*'s greenlet must call this."""
        thread.enter(task)
        self._furnish(thread)
        forget_the_last_request()

    def _furnish(self, thread: VirtualThread) -> None:
        """Give *thread*, the current one, the worker's caches and connections, as Django keeps both by thread."""
        if thread.ident not in self._furnished:
            self._furnished.add(thread.ident)
            for alias, cache in self._caches.of_worker[self.number].items():
                django_caches[alias] = cache
            for alias, connection in self._caches.connections.items():
                connections[alias] = connection

    def _another(self) -> VirtualThread:
        self._made += 1
        return VirtualThread(f"worker-{self.number}-thread-{self._made - 1}", self._context)
