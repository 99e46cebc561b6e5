"""Serving: the workers of an app and their threads take its requests and call the project's functions."""

import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from math import inf
from typing import Any

from django.core.cache import caches as django_caches

from ..application import App, Requests
from ..contract import RollbackError, child_number
from ..engine.garbage import collect_garbage
from ..engine.scheduler import Engine, Task
from ..errors import StrategyError, UserError
from ..judge.compare import Shown, shown
from ..judge.question import Question, Read
from ..project.client import MOST_FRAMES, Handler, ProjectClient
from ..project.threads import VirtualThread
from ..world.latency import LatencyOf
from .record import Note, ReadRow, Recorder
from .traffic import Arrival, handed

_GARBAGE_EVERY = 2_000  # requests
REPLAYED = ("GET", "HEAD")  # what a journey may judge: it is sent once more to find the truth


class Worker:
    """A worker process: its free threads, and the requests that wait for one."""

    def __init__(self, number: int, threads: int | None, context: Context, caches: Mapping[str, Any]) -> None:
        self.number = number
        self.context = context
        self._caches = caches
        self._furnished: set[int | None] = set()
        self.limited = threads is not None
        self.free: list[VirtualThread] = []
        self._made = 0
        for _ in range(threads or 0):
            self.free.insert(0, self._another())
        self.queue: deque[Arrival] = deque()

    def thread(self) -> VirtualThread:
        """Return a free thread, the one that was used last: a new one where there is no limit."""
        return self.free.pop() if self.free else self._another()

    def furnish(self, thread: VirtualThread) -> None:
        """Let *thread*, which asks, find the worker's caches: Django keeps them by thread."""
        if thread.ident not in self._furnished:
            self._furnished.add(thread.ident)
            for alias, cache in self._caches.items():
                django_caches[alias] = cache

    def _another(self) -> VirtualThread:
        self._made += 1
        return VirtualThread(f"worker-{self.number}-thread-{self._made - 1}", self.context)


class Service:
    """Serves the traffic of a run on its engine."""

    def __init__(
        self,
        engine: Engine,
        app: App,
        recorder: Recorder,
        ask: Callable[[Read], None],
        clients: Sequence[ProjectClient],
        users: Sequence[Any],
        handler: Handler,
        *,
        of_worker: Sequence[Mapping[str, Any]],
        threads: int | None,
        measured_from_s: float,
        render: LatencyOf | None,
        release: Callable[[Any], None],
        rolls_back: Callable[[int], bool] | None,
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._ask = ask
        self._clients = clients
        self._users = users
        self._handler = handler
        self._workers = [
            Worker(number, threads, engine.contexts[number], caches) for number, caches in enumerate(of_worker)
        ]
        self._measured_from_s = measured_from_s
        self._render = render
        self._release = release
        self._rolls_back = rolls_back
        self._coming: deque[Arrival] = deque()
        self._served = 0
        self.measured = 0  # requests that arrived after the warm-up
        self._under_way: dict[int, Task] = {}
        self.progress: Callable[[int], None] = lambda _count: None
        app.judging, app.pausing = self._judge_step, engine.sleep
        handler.raised = self._raised

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Start on *arrivals*: the engine calls in whenever one comes."""
        self._coming.extend(arrivals)
        self._engine.arrive = self._arrive
        self._announce()

    def at(self, time_s: float, name: str, func: Callable[[], object]) -> None:
        """Let *func* be called once, in the first worker."""
        self._background(name, func, 0, time_s, child_number(1 << 41, int(time_s * 1e6)))

    def spawn(self, func: Callable[[], object], after_s: float) -> None:
        """Run *func* in the background of the current request, *after_s* seconds from now, on a thread of its own."""
        parent = self._engine.current
        parent.spawned += 1
        number = child_number(parent.request, parent.spawned)
        name = "background work" if parent.note is None else f"background work of {parent.note.function}"
        self._background(name, func, max(0, parent.worker), self._engine.request_time() + after_s, number)

    def oldest_s(self) -> float:
        """Return the birth of the oldest copy that a request under way has seen."""
        return min((task.oldest_s for task in self._under_way.values()), default=inf)

    def _background(self, name: str, func: Callable[[], object], worker: int, at_s: float, number: int) -> None:
        def work() -> None:
            task = self._engine.current
            at_work = self._workers[worker]
            thread = VirtualThread(f"{name}, worker {worker}", at_work.context)
            self._begin(task, number, at_s, at_work, thread, Note(name, None))
            self._call(task, name, func)
            self._end(task, at_work, None)

        self._engine.call_at(at_s, work)

    def _announce(self) -> None:
        self._engine.next_arrival_s = self._coming[0].arrival_s if self._coming else inf

    def _arrive(self, task: Task) -> None:
        if not self._coming:
            return
        arrival = self._coming.popleft()
        self._announce()
        self._served += 1
        self.measured += arrival.arrival_s >= self._measured_from_s
        if self._served % _GARBAGE_EVERY == 0:
            collect_garbage()
            self.progress(self._served)
        worker = self._workers[arrival.worker]
        if worker.limited and not worker.free:
            worker.queue.append(arrival)
        else:
            self._serve(task, arrival, worker, worker.thread())

    def _serve(self, task: Task, arrival: Arrival, worker: Worker, thread: VirtualThread) -> None:
        """Serve one request to its end on *task*'s greenlet; time may pass in between."""
        func = arrival.func
        self._begin(task, arrival.number, arrival.arrival_s, worker, thread, Note(func.name, arrival.user))
        client, given = self._client_of(arrival)
        if arrival.kind == "read":
            self._read(task, func, arrival, client, given)
        else:
            write = arrival.kind == "write"
            task.rolls_back = write and self._rolls_back is not None and self._rolls_back(arrival.number)
            status = self._call(task, func.name, partial(func.func, client, *given))
            if write and not task.note.failed:
                self._expected(func, getattr(status, "status_code", None), task.note)
        self._end(task, worker, thread)

    def _client_of(self, arrival: Arrival) -> tuple[ProjectClient, tuple[Any, ...]]:
        """Return the client of a request, and what its function gets besides."""
        args = tuple(map(handed, arrival.args))
        if arrival.user is None:
            return ProjectClient(self._handler), args
        steps = self._step if arrival.kind == "journey" else None
        client = ProjectClient(self._handler, steps)
        client.cookies = self._clients[arrival.user].cookies  # the user's own, whichever request sets one
        return client, (handed(self._users[arrival.user]), *args)

    def _read(
        self, task: Task, func: Requests, arrival: Arrival, client: ProjectClient, given: tuple[Any, ...]
    ) -> None:
        first, cookies = self._recorder.state, client.sent_cookies()
        found = self._call(task, func.name, lambda: shown(func.func(client, *given), func.judge))
        if self._render is not None:
            self._engine.wait(self._render(arrival.number, 0))
        if found is not None and found.status is not None and not task.note.failed:
            self._expected(func, found.status, task.note)
        question = Question(func.name, arrival.args, None, arrival.user, cookies)
        self._record(task, func.name, question, found, first, task.start_s, arrival.arrival_s, task.note)

    def _step(self, send: Callable[[], Any], request: Mapping[str, Any]) -> Any:
        """Send one request of a journey, with a note of its own."""
        task, recorder = self._engine.current, self._recorder
        whole: Note = task.note
        note = task.note = Note(whole.function, whole.author)
        first, start_s = recorder.state, self._engine.request_time()
        oldest_s, task.oldest_s = task.oldest_s, start_s
        try:
            response = send()
        finally:
            task.oldest_s = min(oldest_s, task.oldest_s)
            task.note = whole
        end_s = self._engine.request_time()
        response.cachewise_step = (note, first, recorder.state, start_s, end_s, dict(request))
        return response

    def _judge_step(self, name: str, response: Any) -> None:
        """Judge a response of a journey, as a read."""
        step = getattr(response, "cachewise_step", None)
        if step is None:
            raise UserError(f"APP.judge({name!r:.60}) takes a response of the journey's own client")
        note, first, last, start_s, end_s, request = step
        if request.get("REQUEST_METHOD") not in REPLAYED:
            raise UserError(f"APP.judge({name!r:.60}) takes the response to a GET: to find the truth, it is sent again")
        replay = {key: value for key, value in request.items() if not key.startswith("wsgi.")}
        cookies = {key: morsel.value for key, morsel in response.client.cookies.items()}
        question = Question(name, (), replay, note.author, cookies)
        found = shown(response)
        self._record(self._engine.current, name, question, found, first, start_s, start_s, note, (last, end_s))

    def _record(
        self,
        task: Task,
        function: str,
        question: Question,
        found: Shown | None,
        first: int,
        start_s: float,
        arrival_s: float,
        note: Note,
        ended: tuple[int, float] | None = None,
    ) -> None:
        if task.arrival_s < self._measured_from_s:
            return
        last, end_s = ended or (self._recorder.state, self._engine.request_time())
        judged = found is not None and not note.failed
        number = len(self._recorder.rows)
        row = ReadRow(
            number,
            function,
            arrival_s,
            start_s,
            end_s,
            None if found is None else found.status,
            0 if found is None else found.size_bytes,
            b"" if found is None else found.digest,
            note,
            first,
            judged,
        )
        self._recorder.rows.append(row)
        if judged:
            self._ask(Read(number, question, start_s, first, last, row.digest, note.stores))

    def _call(self, task: Task, name: str, func: Callable[[], Any]) -> Any:
        """Call the project's code; what it raises is a failure of this request alone."""
        try:
            return func()
        except RollbackError:
            return None
        except (UserError, StrategyError):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a project's code can raise anything
            if not RollbackError.ended(error):
                self._fail(task.note, name, traceback.format_exc(limit=-MOST_FRAMES))
            return None

    def _raised(self, frames: str) -> None:
        """Hear of an exception in a view, of which the client gets an error page."""
        note = self._engine.current.note
        if note is not None and not note.failed:
            self._fail(note, note.function, frames)

    def _expected(self, func: Requests, status: int | None, note: Note) -> None:
        if status is not None and status not in func.expect:
            self._fail(note, func.name, f"status {status}, and expect= says {', '.join(map(str, func.expect))}")

    def _fail(self, note: Note, name: str, frames: str) -> None:
        note.failed = frames
        if self._engine.current.arrival_s >= self._measured_from_s:
            self._recorder.failed(name, frames)

    def _begin(
        self, task: Task, number: int, arrival_s: float, worker: Worker, thread: VirtualThread, note: Note
    ) -> None:
        task.worker = worker.number
        task.begin(number, arrival_s, self._engine.time())
        task.note = note
        thread.enter(task)
        worker.furnish(thread)
        self._under_way[id(task)] = task

    def _end(self, task: Task, worker: Worker, thread: VirtualThread | None) -> None:
        """Give the request's thread and connection back once its debt has passed."""
        self._under_way.pop(id(task), None)
        task.serving = False
        task.note = None
        self._engine.end_if_strayed()
        connection, task.connection = task.connection, None

        def release() -> None:
            if connection is not None:
                self._release(connection)
            if thread is None:
                return
            if worker.queue:
                self._serve(self._engine.current, worker.queue.popleft(), worker, thread)
            else:
                worker.free.append(thread)

        self._engine.call_at(self._engine.time() + task.debt_s, release)
