"""Celery without a broker: each task that is sent is carried out as background work of the run.

All of Celery's own code runs, on both sides: routing, serialisation, signals, retries, chains, groups, chords, results.
What is ours is the wire. Messages go to a transport of kombu's that hands each to the run, which begins it when it was
sent, or at its eta; in virtual time both. Results that a server would keep stay in this process. Results in Django's
database or cache (django-celery-results) stay where the project has them, and cost what they cost.

Not there: queues that are full, workers that are busy, time limits, rate limits, `revoke`, and beat.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

Spawn = Callable[[Callable[[], object], float], object]
POLL_S = 0.01  # how often a request that waits for a result looks for it
_spawn: list[Spawn] = []  # the one that counts
KEPT = ("disabled", "django-db", "django-cache")  # where results stay as the project has them


def install(spawn: Spawn) -> None:
    """Let every Celery app of this process, also one that is yet to come, send its tasks to *spawn*.

    It gets a function that carries the task out, and after how many seconds. That function must be called with a
    database connection of its own, outside of the sender's transaction; it raises what the task has failed with.
    Called again, it replaces *spawn*, also for apps that have sent something already. Where there is no Celery in this
    environment, nothing happens.
    """
    _spawn[:] = [spawn]
    if find_spec("celery") is not None:
        _replace()


def silence() -> None:
    """Let what is sent be carried out never: while databases are filled, and where a read is evaluated."""
    install(lambda _func, _after_s: None)


@cache
def _replace() -> None:
    """Put our wire, and our place for results, in place of Celery's."""
    from celery import Celery
    from kombu import Connection

    transport_of = cache(_transport)  # one an app: kombu keeps its connections by their transport
    celerys = Celery._get_backend

    def connection(app: Any, *_url: Any, **_login: Any) -> Any:
        return Connection(transport=transport_of(app))

    def backend(app: Any) -> Any:
        named = app.backend_cls or app.conf.result_backend
        kept = named is None or (isinstance(named, str) and named.partition(":")[0] in KEPT)
        return celerys(app) if kept else _results(app)

    Celery._connection, Celery._get_backend = connection, backend


def _transport(app: Any) -> type:
    """Return a transport for *app* that keeps no message: those that are tasks begin in time."""
    from kombu.transport import memory, virtual

    class Channel(memory.Channel):  # type: ignore[misc]
        """What a producer writes to."""

        def _put(self, queue: str, message: Any, **_options: Any) -> None:
            del queue
            if "task" in message["headers"]:
                _sent(app, self.message_to_python(message))

        def _put_fanout(self, *_arguments: Any, **_options: Any) -> None:
            """Tell nobody: there are no workers to remote-control, and no monitors."""

    class Transport(memory.Transport):  # type: ignore[misc]
        """What a connection is made with."""

        global_state = virtual.BrokerState()

    Transport.Channel = Channel
    return Transport


def _sent(app: Any, message: Any) -> None:
    eta = message.headers.get("eta")
    after_s = 0.0 if eta is None else max(0.0, (datetime.fromisoformat(eta) - app.now()).total_seconds())
    _spawn[0](lambda: _carry_out(app, message), after_s)


def _carry_out(app: Any, message: Any) -> None:
    """Do what a worker does with a message. A task that fails has its result stored, and raises here."""
    from celery import states
    from celery.app.trace import build_tracer
    from celery.exceptions import TaskRevokedError

    headers = dict(message.headers)
    name, number, expires = headers["task"], headers["id"], headers.get("expires")
    task = _tasks(app)[name]
    if expires is not None and app.now() > datetime.fromisoformat(expires):
        task.backend.store_result(number, TaskRevokedError("expired"), states.REVOKED)
        return
    args, kwargs, embedded = message.payload
    request = {
        **headers,
        "args": args,
        "kwargs": kwargs,
        "is_eager": False,
        "delivery_info": dict(message.delivery_info),
        "reply_to": message.properties.get("reply_to"),
        "correlation_id": message.properties.get("correlation_id"),
        **embedded,
    }
    _value, info, _seconds, _shown = build_tracer(name, task, app=app)(number, args, kwargs, request)
    if info is not None and info.state == states.FAILURE:
        raise info.retval


@cache
def _tasks(app: Any) -> Any:
    """Return the tasks of *app*, once it has looked for them in the project, as a worker does when it starts."""
    app.loader.import_default_modules()
    return app.tasks


def _results(app: Any) -> Any:
    """Return a place for results in this process."""
    from celery.backends.cache import CacheBackend

    class Results(CacheBackend):  # type: ignore[misc]
        """Results in memory."""

        def wait_for(
            self,
            task_id: str,
            timeout: float | None = None,
            interval: float = POLL_S,
            no_ack: bool = True,
            on_interval: Any = None,
        ) -> Any:
            """Wait for a result as servers that announce it let one wait: hardly longer than it takes."""
            return super().wait_for(task_id, timeout, min(interval, POLL_S), no_ack, on_interval)

    return Results(app=app, url="memory://", backend="memory")
