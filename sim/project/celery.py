"""Celery without a broker: each sent task runs as background work of the run.

All of Celery's own code runs, on both sides: routing, serialisation, signals, retries, chains, groups, chords, results.
Only the transport is ours: a kombu transport that hands each message to the run. The run begins the task when it was
sent, or at its eta, in virtual time. Results that a server would keep stay in this process. Results in Django's
database or cache (django-celery-results) stay there, and their queries and calls count.

Not modelled: full queues, busy workers, time limits, rate limits, `revoke`, and beat.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

Spawn = Callable[[Callable[[], object], float], object]
POLL_S = 0.01  # how often a request polls for a result
_spawn: list[Spawn] = []  # the last one is in use
KEPT = ("disabled", "django-db", "django-cache")  # result backends that stay as the project has them


def install(spawn: Spawn) -> None:
    """Let every Celery app of this process, also a later one, send its tasks to *spawn*.

    *spawn* gets a function that carries out the task, and a delay in seconds. The function must be called with its own
    database connection, outside the sender's transaction. It raises the exception of a failed task. A later call
    replaces *spawn*, also for apps that have already sent tasks. Without Celery in this environment, nothing happens.
    """
    _spawn[:] = [spawn]
    if find_spec("celery") is not None:
        _replace()


def silence() -> None:
    """Drop all sent tasks: while databases are filled, and while reads are evaluated."""
    install(lambda _func, _after_s: None)


@cache
def _replace() -> None:
    """Replace Celery's transport and its place for results by ours."""
    from celery import Celery
    from kombu import Connection

    transport_of = cache(_transport)  # one for each app: kombu keeps its connections by transport
    celerys = Celery._get_backend

    def connection(app: Any, *_url: Any, **_login: Any) -> Any:
        return Connection(transport=transport_of(app))

    def backend(app: Any) -> Any:
        named = app.backend_cls or app.conf.result_backend
        kept = named is None or (isinstance(named, str) and named.partition(":")[0] in KEPT)
        return celerys(app) if kept else _results(app)

    Celery._connection, Celery._get_backend = connection, backend


def _transport(app: Any) -> type:
    """Return a transport for *app* that keeps no message: each task begins at its time."""
    from kombu.transport import memory, virtual

    class Channel(memory.Channel):  # type: ignore[misc]
        """What a producer writes to."""

        def _put(self, queue: str, message: Any, **_options: Any) -> None:
            del queue
            if "task" in message["headers"]:
                _sent(app, self.message_to_python(message))

        def _put_fanout(self, *_arguments: Any, **_options: Any) -> None:
            """Do nothing: there are no workers to control and no monitors."""

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
    """Do a worker's work for a message. The result of a failed task is stored, and its exception is raised here."""
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
    """Return the tasks of *app* after it has searched the project for them, as a worker does when it starts."""
    app.loader.import_default_modules()
    return app.tasks


def _results(app: Any) -> Any:
    """Return a result backend in this process's memory."""
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
            """Wait for a result, hardly longer than the task takes, as with a server that announces results."""
            return super().wait_for(task_id, timeout, min(interval, POLL_S), no_ack, on_interval)

    return Results(app=app, url="memory://", backend="memory")
