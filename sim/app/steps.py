"""The steps of a journey: each of its requests is noted for itself, so that it can be judged as a read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from ..engine.scheduler import Engine, Task
from ..errors import UserError
from ..judge.compare import shown
from ..judge.question import Question
from ..project.databases.connections import end_request
from ..project.threads import VirtualThread
from .record import Note, Recorder, Span
from .workers import Worker

REPLAYED = ("GET", "HEAD")  # what a journey may judge: it is sent once more to find the truth


class _Step(NamedTuple):
    """A request of a journey that has been served."""

    request: Mapping[str, Any]
    note: Note
    span: Span


class Steps:
    """Notes the steps of journeys, and has those judged that are wanted."""

    def __init__(self, engine: Engine, recorder: Recorder, release: Callable[[Any], None]) -> None:
        self._engine = engine
        self._recorder = recorder
        self._release = release

    def serve(
        self, worker: Worker, traveller: VirtualThread, send: Callable[[], Any], request: Mapping[str, Any]
    ) -> Any:
        """Send one request of the journey that is under way on *traveller*: on a thread of *worker*, with a note."""
        task, recorder = self._engine.current, self._recorder
        arrival_s = self._engine.request_time()
        whole: Note = task.note
        with self._on_a_thread(task, worker, traveller):
            note = task.note = Note(whole.function, whole.author)
            first, start_s = recorder.state, self._engine.request_time()
            oldest_s, task.oldest_s = task.oldest_s, start_s
            try:
                response = send()
                self._engine.settle()  # what is committed while the answer is on its way may be what it shows
            finally:
                task.oldest_s = min(oldest_s, task.oldest_s)
                task.note = whole
            span = Span(arrival_s, start_s, self._engine.request_time(), first, recorder.state)
        response.cachewise_step = _Step(dict(request), note, span)
        return response

    @contextmanager
    def _on_a_thread(self, task: Task, worker: Worker, traveller: VirtualThread) -> Iterator[None]:
        """Serve on the next free thread of *worker*; it has that, and its connection, until its debt has passed."""
        engine = self._engine
        engine.settle()
        if worker.is_full:
            granted = engine.event()
            worker.waiting.append(granted.succeed)
            thread: VirtualThread = engine.wait_for(granted)
        else:
            thread = worker.thread()
        worker.put_on(task, thread)
        try:
            yield
        finally:
            end_request()
            connection, task.connection = task.connection, None
            worker.put_on(task, traveller)
            engine.call_at(engine.request_time(), partial(self._done, worker, thread, connection))

    def _done(self, worker: Worker, thread: VirtualThread, connection: Any) -> None:
        if connection is not None:
            self._release(connection)
        worker.give_back(thread)

    def judge(self, name: str, response: Any, expect: tuple[int, ...]) -> None:
        """Have a response judged, as a read called *name*; its step has failed if its status is not in *expect*.

        Raises:
            UserError: if it is none of a journey's GETs.
        """
        step: _Step | None = getattr(response, "cachewise_step", None)
        if step is None:
            raise strange(name)
        replay = replay_of(name, step.request)
        question = Question(name, (), replay, step.note.author, response.cachewise_cookies)
        found = shown(response)
        if found.status not in expect and not step.note.failed:
            self._recorder.failed(step.note, unexpected(found.status, expect))
        self._recorder.read(question, found, step.span, step.note)


def strange(name: str) -> UserError:
    """Return what is raised for what is no response of a journey's, which is to be judged as *name*."""
    return UserError(f"APP.judge({name!r:.60}) takes a response of the journey's own client")


def replay_of(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what sends a journey's *request* once more, whose response is to be judged as *name*.

    Raises:
        UserError: if it is no GET.
    """
    if request.get("REQUEST_METHOD") not in REPLAYED:
        raise UserError(f"APP.judge({name!r:.60}) takes the response to a GET: to find the truth, it is sent again")
    scheme = "wsgi.url_scheme"  # of what is the server's the one part that is the client's
    return {key: value for key, value in request.items() if key == scheme or not key.startswith("wsgi.")}


def unexpected(status: int | None, expect: tuple[int, ...]) -> str:
    """Say that a response has another status than it should."""
    return f"status {status}, and expect= says {', '.join(map(str, expect))}"
