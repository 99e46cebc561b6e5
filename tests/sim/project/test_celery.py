"""A real Celery app without a broker: what is sent begins in virtual time, and all of Celery's own code runs."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from celery import Celery, chain, chord, group, shared_task
from celery.exceptions import TimeoutError as CeleryTimeoutError

from cachewise.sim.engine.scheduler import Engine
from cachewise.sim.project import celery
from tests.helpers import play

if TYPE_CHECKING:
    from celery.result import AsyncResult

NOWHERE = "redis://:secret@no.such.host.invalid:1/0"
START = datetime(2025, 1, 1, tzinfo=UTC)


class Worker:
    """Background work on a real engine: what is carried out at which second, and what came of it."""

    def __init__(self, clock: Any) -> None:
        self.engine = Engine()
        self.clock = clock
        self.log: list[tuple[float, Any]] = []
        self.failures: list[str] = []

    def spawn(self, func: Callable[[], object], after_s: float) -> None:
        """Call *func* after *after_s*."""

        def background() -> None:
            self.engine.current.begin(-1, self.engine.time(), self.engine.time())
            self.show_time()
            try:
                func()
            except Exception as error:  # noqa: BLE001 - whatever a task raises
                self.failures.append(repr(error))

        self.engine.call_at(self.engine.request_time() + after_s, background)

    def show_time(self) -> None:
        """Let the calendar show the engine's time."""
        self.clock.move_to(START + timedelta(seconds=self.engine.time()))

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.engine.sleep(seconds)
        self.show_time()

    def note(self, *what: Any) -> None:
        """Note that *what* happens now."""
        self.log.append((round(self.engine.time(), 6), *what))

    def play(self, request: Callable[[], object]) -> None:
        """Let *request* be served, and all that it sends."""
        play(request, engine=self.engine)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Give a worker; the calendar goes by its engine, and nobody may open a socket."""

    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"a socket: {arguments}")

    for method in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, method, refuse)
    for name in ("_connection", "_get_backend"):
        monkeypatch.setattr(Celery, name, getattr(Celery, name))  # to put back what stands there
    with time_machine.travel(START, tick=False) as clock:
        worker = Worker(clock)
        monkeypatch.setattr(time, "sleep", worker.sleep)
        celery.install(worker.spawn)
        yield worker
    celery._replace.cache_clear()


@pytest.fixture
def app(worker: Worker) -> Celery:
    """Give an app as a project has it, with a broker that is not there."""
    app = Celery("shop", broker=NOWHERE, backend=NOWHERE, set_as_current=True)
    app.conf.update(broker_write_url=NOWHERE, task_default_queue="shop")

    @app.task(shared=False, name="note")
    def note(what: Any) -> Any:
        worker.note(what)
        return what

    @app.task(shared=False, name="add")
    def add(one: int, other: int) -> int:
        worker.note("add")
        return one + other

    @app.task(shared=False, name="total")
    def total(numbers: list[int]) -> int:
        worker.note("total")
        return sum(numbers)

    return app


def test_a_task_begins_when_it_was_sent_plus_its_countdown(worker: Worker, app: Celery) -> None:
    """Whether by delay, countdown, eta or name; the sender goes on at once."""

    def request() -> None:
        worker.sleep(1)
        app.tasks["note"].apply_async(("countdown",), countdown=30)
        app.tasks["note"].apply_async(("eta",), eta=START + timedelta(seconds=20))
        app.send_task("note", ("by name",), countdown=2.5)
        app.tasks["note"].delay("at once")
        app.tasks["note"].apply_async(("too late",), eta=START - timedelta(days=1))
        worker.note("sent")
        worker.sleep(5)
        worker.note("done")

    worker.play(request)
    assert worker.log == [
        (1, "sent"),
        (1, "at once"),
        (1, "too late"),
        (3.5, "by name"),
        (6, "done"),
        (20, "eta"),
        (31, "countdown"),
    ]
    assert worker.failures == []


def test_a_task_that_retries_comes_back_later(worker: Worker, app: Celery) -> None:
    """`self.retry(countdown=)` sends it again; who retries too often has failed, and that is told."""

    @app.task(shared=False, bind=True, name="shaky", max_retries=2)
    def shaky(self: Any, good_at: int) -> str:
        worker.note(self.request.retries)
        if self.request.retries < good_at:
            raise self.retry(countdown=10, exc=ValueError("again"))
        return "done"

    results: list[AsyncResult] = []
    worker.play(lambda: results.extend([shaky.delay(2), shaky.delay(9)]))
    assert worker.log == [(0, 0), (0, 0), (10, 1), (10, 1), (20, 2), (20, 2)]
    assert [result.state for result in results] == ["SUCCESS", "FAILURE"]
    assert worker.failures == ["ValueError('again')"]


def test_a_request_that_waits_for_a_result_waits_in_virtual_time(worker: Worker, app: Celery) -> None:
    """It goes on hardly later than the task ends; a task that fails raises there; a timeout is one."""

    @app.task(shared=False, name="slow")
    def slow(seconds: float) -> str:
        worker.sleep(seconds)
        if seconds > 5:
            raise LookupError("too slow")
        return "here"

    def request() -> None:
        worker.note(slow.delay(3).get())
        with pytest.raises(CeleryTimeoutError):
            slow.delay(4).get(timeout=1)
        worker.note("gave up")
        with pytest.raises(LookupError, match="too slow"):
            slow.delay(6).get()
        worker.note("heard")

    worker.play(request)
    heard_s, said = zip(*worker.log, strict=True)
    assert said == ("here", "gave up", "heard")
    assert heard_s == pytest.approx((3, 4, 10), abs=0.05)
    assert worker.failures == ["LookupError('too slow')"]


def test_chains_groups_and_chords(worker: Worker, app: Celery) -> None:
    """They are Celery's own: a chain's next task begins when the one before has ended, a chord's body when all have."""
    add, total = app.tasks["add"], app.tasks["total"]
    found: list[Any] = []

    def request() -> None:
        found.append(chain(add.s(1, 2), add.s(4).set(countdown=5))().get())
        found.append(group(add.s(number, number) for number in range(3))().get())
        found.append(chord([add.s(number, 1) for number in range(3)], total.s())().get())

    worker.play(request)
    assert found == [7, [0, 2, 4], 6]
    assert [what for _, what in worker.log] == ["add"] * 8 + ["total"]
    assert worker.failures == []


def test_what_is_not_carried_out(worker: Worker, app: Celery) -> None:
    """What has expired is revoked; a name that nobody has is an error; a result that is ignored is not kept."""
    results: list[AsyncResult] = []

    def request() -> None:
        results.append(app.send_task("note", ("expired",), countdown=10, expires=5))
        results.append(app.send_task("note", ("kept",), countdown=10, expires=15))
        results.append(app.tasks["note"].apply_async(("ignored",), ignore_result=True))
        app.send_task("nobody")

    worker.play(request)
    assert worker.log == [(0, "ignored"), (10, "kept")]
    assert [result.state for result in results] == ["REVOKED", "SUCCESS", "PENDING"]
    (failure,) = worker.failures
    assert "'nobody' never registered" in failure


def test_what_cannot_be_sent_cannot_be_sent(worker: Worker, app: Celery) -> None:
    """Arguments are serialised as on the way to a broker, and arrive as a worker gets them."""

    def request() -> None:
        with pytest.raises(Exception, match="not JSON serializable"):
            app.tasks["note"].delay(object())
        app.tasks["note"].delay((1, 2))
        app.tasks["note"].delay({1: 2})

    worker.play(request)
    assert worker.log == [(0, [1, 2]), (0, {"1": 2})]


def test_remote_control_reaches_nobody(worker: Worker, app: Celery) -> None:
    """A broadcast is told to no worker, and harms nothing."""
    worker.play(lambda: (app.control.broadcast("shutdown"), app.tasks["note"].delay("after it")))
    assert worker.log == [(0, "after it")]


def test_a_shared_task_and_a_second_app(worker: Worker, app: Celery) -> None:
    """Each app gets its own tasks; a shared one belongs to all."""

    @shared_task(name="shared")
    def shared() -> None:
        worker.note("shared")

    other = Celery("other", broker=NOWHERE, set_as_current=False)

    @other.task(shared=False, name="note")
    def note(what: str) -> None:
        worker.note(f"the other's {what}")

    def request() -> None:
        shared.delay()
        note.delay("note")
        app.send_task("note", ("note",))
        other.send_task("shared")

    worker.play(request)
    assert [what for _, what in worker.log] == ["shared", "the other's note", "note", "shared"]
    assert worker.failures == []


def test_a_second_install_replaces_the_first(worker: Worker, app: Celery) -> None:
    """Each run hands in its own."""
    sent: list[float] = []

    def request() -> None:
        app.tasks["note"].apply_async(("to the first",), countdown=1)
        celery.install(lambda _func, after_s: sent.append(after_s))
        app.tasks["note"].apply_async(("to the second",), countdown=2)

    worker.play(request)
    assert worker.log == [(1, "to the first")]
    assert sent == [2]


def test_what_is_sent_in_silence_is_never_carried_out(worker: Worker, app: Celery) -> None:
    """Nothing begins, and nothing is raised."""
    celery.silence()
    worker.play(lambda: app.tasks["note"].delay("unheard"))
    assert worker.log == []
