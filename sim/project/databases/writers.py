"""The one writer that an SQLite file can have: who comes while there is one waits in virtual time, in order."""

from collections import deque
from typing import Any

from django.db import OperationalError

from ...engine.scheduler import Engine


class Writers:
    """The turns at all SQLite files of a run. A thread, of the project, has a turn or waits for one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owners: dict[str, Any] = {}  # of each file, the thread
        self._queues: dict[str, deque[tuple[Any, Any]]] = {}  # who waits, and the event
        self._waits_for: dict[Any, str] = {}  # a thread, and the file

    def take(self, file: str, thread: Any) -> None:
        """Wait until *thread* is *file*'s writer.

        Raises:
            OperationalError: where that would never be, as SQLite says it when its patience is over.
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
        """Let whoever has waited longest be *file*'s writer."""
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
