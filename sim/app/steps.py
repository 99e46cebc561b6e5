"""The steps of a journey: each of its requests is recorded on its own, so that it can be judged as a read."""

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

REPLAYED = ("GET", "HEAD")  # a journey may judge only these: they are sent again to find the truth


class _Step(NamedTuple):
    """A request of a journey that has been served."""

    request: Mapping[str, Any]
    note: Note
    span: Span


class Steps:
    """Records the steps of journeys, and has those judged for which `App.judge` is called."""

    def __init__(self, engine: Engine, recorder: Recorder, release: Callable[[Any], None]) -> None:
        self._engine = engine
        self._recorder = recorder
        self._release = release

    def serve(
        self, worker: Worker, traveller: VirtualThread, send: Callable[[], Any], request: Mapping[str, Any]
    ) -> Any:
        """Send one request of a journey on a thread of *worker*; *traveller* is the journey's own thread."""
        task, recorder = self._engine.current, self._recorder
        arrival_s = self._engine.request_time()
        whole: Note = task.note
        with self._on_a_thread(task, worker, traveller):
            note = task.note = Note(whole.function, whole.author)
            first, start_s = recorder.state, self._engine.request_time()
            oldest_s, task.oldest_s = task.oldest_s, start_s
            try:
                response = send()
                self._engine.settle()  # a read may show commits until its end
            finally:
                task.oldest_s = min(oldest_s, task.oldest_s)
                task.note = whole
            span = Span(arrival_s, start_s, self._engine.request_time(), first, recorder.state)
        response.cachewise_step = _Step(dict(request), note, span)
        return response

    @contextmanager
    def _on_a_thread(self, task: Task, worker: Worker, traveller: VirtualThread) -> Iterator[None]:
        """Serve on the next free thread of *worker*; the request holds thread and connection until its time is over."""
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
            UserError: if it is not the response to a GET of a journey.
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
    """Return the error for judging as *name* something that is not a response to a journey's client."""
    return UserError(f"APP.judge({name!r:.60}) takes a response of the journey's own client")


def replay_of(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that send a journey's *request* again; its response is judged as *name*.

    Raises:
        UserError: if it is not a GET or HEAD.
    """
    if request.get("REQUEST_METHOD") not in REPLAYED:
        raise UserError(f"APP.judge({name!r:.60}) takes the response to a GET: to find the truth, it is sent again")
    scheme = "wsgi.url_scheme"  # the only key with "wsgi." that comes from the client
    return {key: value for key, value in request.items() if key == scheme or not key.startswith("wsgi.")}


def unexpected(status: int | None, expect: tuple[int, ...]) -> str:
    """Return the line for a response with an unexpected status."""
    return f"status {status}, but expect= allows only {', '.join(map(str, expect))}"
