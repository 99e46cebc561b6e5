"""The one writer that an SQLite file can have: further writers wait in virtual time, first come, first served."""

from collections import deque
from typing import Any

from django.db import OperationalError

from ...engine.scheduler import Engine


class Writers:
    """The writers of all SQLite files of a run. A thread of the project writes to a file or waits for its turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owners: dict[str, Any] = {}  # file: its writer's thread
        self._queues: dict[str, deque[tuple[Any, Any]]] = {}  # file: waiting threads, with their events
        self._waits_for: dict[Any, str] = {}  # thread: the file it waits for

    def take(self, file: str, thread: Any) -> None:
        """Wait until *thread* is *file*'s writer.

        Raises:
            OperationalError: if this would never happen, as SQLite raises after its timeout.
        """
        if file not in self._owners:
            self._owners[file] = thread
            return
        self._engine.settle()
        if file not in self._owners:
            self._owners[file] = thread
            return
        self._refuse_circle(file, thread)
        granted = self._engine.event()
        self._queues.setdefault(file, deque()).append((thread, granted))
        self._waits_for[thread] = file
        self._engine.wait_for(granted)

    def give_back(self, file: str) -> None:
        """Give *file* to the thread that has waited longest."""
        queue = self._queues.get(file)
        if not queue:
            del self._owners[file]
            return
        thread, granted = queue.popleft()
        self._owners[file] = thread
        del self._waits_for[thread]
        granted.succeed()

    def _refuse_circle(self, file: str, thread: Any) -> None:
        wanted: str | None = file
        while wanted is not None:
            owner = self._owners[wanted]
            if owner is thread:
                raise OperationalError("database is locked")
            wanted = self._waits_for.get(owner)
