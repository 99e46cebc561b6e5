"""Serves the requests of an app: its workers take them, and their threads call the project's functions."""

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any

from ..application import App, Event, Requests
from ..contract import RollbackError, child_number
from ..engine.garbage import collect_garbage
from ..engine.scheduler import Engine, Task
from ..errors import StrategyError, UserError
from ..judge.compare import shown
from ..judge.question import Question
from ..project.client import MOST_FRAMES, Handler, ProjectClient
from ..project.databases.connections import end_request, end_thread
from ..project.threads import VirtualThread
from ..world.latency import LatencyOf
from .record import Note, Recorder, Span
from .steps import Steps, unexpected
from .traffic import Arrival, handed
from .users import Users
from .workers import Worker

_GARBAGE_EVERY = 2_000  # requests
_EVENTS = 1 << 41  # no request has this number: the events of the file count as its background work


class Service:
    """Serves the traffic of a run on its engine.

    Args:
        engine: the run's.
        app: what is served; its `judge` and `pause` act on this run from now on.
        recorder: is called for each request.
        users: those that are logged in.
        handler: serves their requests.
        workers: the workers; the first one also runs the events.
        render: the latency from the rows to what a read function returns.
        release: takes a request's database connection back.
        rolls_back: says whether the write with a given number is rolled back.
        progress: called from time to time with the number of requests served.
    """

    def __init__(
        self,
        engine: Engine,
        app: App,
        recorder: Recorder,
        users: Users,
        handler: Handler,
        workers: Sequence[Worker],
        *,
        render: LatencyOf | None,
        release: Callable[[Any], None],
        rolls_back: Callable[[int], bool] | None,
        progress: Callable[[int], None],
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._users = users
        self._handler = handler
        self._workers = workers
        self._render = render
        self._release = release
        self._rolls_back = rolls_back
        self._progress = progress
        self._coming: deque[Arrival] = deque()
        self._served = 0
        self._under_way: dict[int, Task] = {}
        self._told_s: dict[int, float] = {}  # by background work that has not begun: the oldest copy it may know of
        self._steps = Steps(engine, recorder, release)
        app.judging, app.pausing = self._steps.judge, engine.sleep
        handler.raised = self._raised

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Start with *arrivals*: the engine calls this service whenever one comes."""
        self._coming.extend(arrivals)
        self._engine.arrive = self._arrive
        self._announce()

    def at(self, event: Event, nth: int) -> None:
        """Run *event*, the *nth*, once, in the first worker."""
        self._background(Note(event.name, None), event.func, self._workers[0], event.at_s, child_number(_EVENTS, nth))

    def spawn(self, func: Callable[[], object], after_s: float) -> None:
        """Run *func* in the background of the current request, *after_s* seconds from now, on a thread of its own."""
        parent = self._engine.current
        parent.spawned += 1
        number = child_number(parent.request, parent.spawned)
        note = Note("background work" if parent.note is None else f"background work of {parent.note.function}", None)
        self._told_s[number] = parent.oldest_s
        self._background(
            note, func, self._workers[max(0, parent.worker)], self._engine.request_time() + after_s, number
        )

    def oldest_s(self) -> float:
        """Return the birth of the oldest copy known to a request, or to background work, that has not ended."""
        seen = (task.oldest_s for task in self._under_way.values())
        return min((*seen, *self._told_s.values()), default=inf)

    def _background(self, note: Note, func: Callable[[], object], worker: Worker, at_s: float, number: int) -> None:
        def work() -> None:
            task = self._engine.current
            self._begin(task, number, at_s, worker, worker.background_thread(note.function), note)
            task.oldest_s = min(task.oldest_s, self._told_s.pop(number, inf))
            self._call(note, func)
            self._end(task, None)

        self._engine.call_at(at_s, work)

    def _announce(self) -> None:
        self._engine.next_arrival_s = self._coming[0].arrival_s if self._coming else inf

    def _arrive(self, task: Task) -> None:
        if not self._coming:
            return
        arrival = self._coming.popleft()
        self._announce()
        self._recorder.arrived(arrival.arrival_s)
        self._served += 1
        if self._served % _GARBAGE_EVERY == 0:
            collect_garbage()
            self._progress(self._served)
        worker = self._workers[arrival.worker]
        if arrival.kind == "journey":
            self._travel(task, arrival, worker)
        elif worker.is_full:
            worker.waiting.append(lambda thread: self._serve(self._engine.current, arrival, worker, thread))
        else:
            self._serve(task, arrival, worker, worker.thread())

    def _serve(self, task: Task, arrival: Arrival, worker: Worker, thread: VirtualThread) -> None:
        """Serve one request to its end on *task*'s greenlet; virtual time may pass meanwhile."""
        note = Note(arrival.func.name, arrival.user)
        self._begin(task, arrival.number, arrival.arrival_s, worker, thread, note)
        client, given = self._client_of(arrival)
        if arrival.kind == "read":
            self._read(task, arrival, client, given)
        else:
            task.rolls_back = self._rolls_back is not None and self._rolls_back(arrival.number)
            response = self._call(note, partial(arrival.func.func, client, *given))
            self._expect(arrival.func, getattr(response, "status_code", None), note)
        self._end(task, partial(worker.give_back, thread))

    def _travel(self, task: Task, arrival: Arrival, worker: Worker) -> None:
        """Play a journey. It holds a thread of its worker only during each request, not while its user pauses."""
        note = Note(arrival.func.name, arrival.user)
        thread = worker.background_thread(note.function)
        self._begin(task, arrival.number, arrival.arrival_s, worker, thread, note)
        client, given = self._client_of(arrival)
        client.served = partial(self._steps.serve, worker, thread)
        self._call(note, partial(arrival.func.func, client, *given))
        self._end(task, None)

    def _client_of(self, arrival: Arrival) -> tuple[ProjectClient, tuple[Any, ...]]:
        """Return the client of a request, and the further arguments of its function."""
        args = tuple(map(handed, arrival.args))
        if arrival.user is None:
            return ProjectClient(self._handler), args
        client = ProjectClient(self._handler)
        client.cookies = self._users.clients[arrival.user].cookies  # all requests of a user share their cookies
        return client, (handed(self._users.all[arrival.user]), *args)

    def _read(self, task: Task, arrival: Arrival, client: ProjectClient, given: tuple[Any, ...]) -> None:
        func, note, first = arrival.func, task.note, self._recorder.state
        question = Question(func.name, arrival.args, None, arrival.user, client.sent_cookies())
        found = self._call(note, lambda: shown(func.func(client, *given), func.judge))
        if self._render is not None:
            self._engine.wait(self._render(arrival.number, 0))
        self._expect(func, None if found is None else found.status, note)
        self._engine.settle()  # a read may show commits until its end
        span = Span(arrival.arrival_s, task.start_s, self._engine.request_time(), first, self._recorder.state)
        self._recorder.read(question, found, span, note)

    def _call(self, note: Note, func: Callable[[], Any]) -> Any:
        """Call the project's code; an exception is a failure of this request alone."""
        try:
            return func()
        except RollbackError:
            return None
        except (UserError, StrategyError):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a project's code can raise anything
            if not RollbackError.ended(error):
                self._recorder.failed(note, traceback.format_exc(limit=-MOST_FRAMES))
            return None

    def _raised(self, frames: str) -> None:
        """Count an exception in a view, for which the client gets an error page."""
        note: Note | None = self._engine.current.note
        if note is not None and not note.failed:
            self._recorder.failed(note, frames)

    def _expect(self, func: Requests, status: int | None, note: Note) -> None:
        """Note a failure if a request has an unexpected status; each request fails at most once."""
        if status is not None and status not in func.expect and not note.failed:
            self._recorder.failed(note, unexpected(status, func.expect))

    def _begin(
        self, task: Task, number: int, arrival_s: float, worker: Worker, thread: VirtualThread, note: Note
    ) -> None:
        task.worker = worker.number
        task.begin(number, arrival_s, self._engine.time())
        task.note = note
        worker.put_on(task, thread)
        self._under_way[id(task)] = task

    def _end(self, task: Task, then: Callable[[], None] | None) -> None:
        """End a request: once its latencies have passed, give its connection back and call *then*.

        Without *then*, its thread ends.
        """
        end_request()
        if then is None:
            end_thread()
        self._under_way.pop(id(task), None)
        task.serving = False
        task.note = None
        self._engine.end_if_strayed()
        connection, task.connection = task.connection, None

        def release() -> None:
            if connection is not None:
                self._release(connection)
            if then is not None:
                then()

        self._engine.call_at(self._engine.time() + task.debt_s, release)
