"""The scheduler: SimPy's calendar, and greenlets that take turns.

Requests are ordinary synchronous functions, yet thousands of them overlap in virtual time. One greenlet at a time runs
the loop, which takes the next event or arrival. A request is called directly on that greenlet. If it has to wait and
something else is due first, it enters itself into the calendar and gives the loop to another greenlet. The greenlet
that reaches the entry switches back to the request.
"""

from _thread import get_ident  # in a project's process, `threading` gives the request's thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, copy_context
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any, cast

import simpy
from greenlet import GreenletExit, greenlet
from simpy.events import NORMAL

from ..contract import LONGEST_DELAY_S
from ..errors import StrategyError
from .garbage import collected_by_hand

if TYPE_CHECKING:
    from threading import Thread

MOST_SLEEPS = 1_000_000  # of one request


class StrayedError(StrategyError):
    """A call that a thread must not make; `told` says whether the run still goes on and reports it."""

    told = True


class Task(simpy.Event):
    """One greenlet and the request it is serving; in the calendar it stands for "this greenlet goes on".

    The counters are the request's own: they say what it cost, and which of its latencies comes next. `debt_s` is time
    that has passed for the request but not yet on the clock (the way back of a cache call).
    """

    env: "Engine"

    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self.greenlet: greenlet
        self.worker = -1
        self.connection: Any = None
        self.thread: Any = None  # in a team's project: the virtual thread of this request
        self.note: Any = None  # in a team's project: the record of this request so far
        self.transaction: Any
        self.begin(0, 0.0, 0.0)
        self.serving = False

    def begin(self, request: int, arrival_s: float, start_s: float) -> None:
        """Start serving *request*."""
        self.request = request
        self.arrival_s = arrival_s
        self.start_s = start_s
        self.oldest_s = start_s  # when the oldest copy was made that it has seen
        self.debt_s = 0.0
        self.serving = True  # until it ends: the strategy's code is running
        self.transaction = None
        self.cache_calls = self.db_reads = self.db_queries = self.db_writes = self.db_commits = self.spawned = 0
        self.sleeps = 0
        self.entries_culled = 0.0
        self.random: Any = None
        self.rolls_back = False


class Engine(simpy.Environment):
    """The calendar and the loop. `arrive` is called whenever the virtual time reaches `next_arrival_s`.

    Order at one instant: the calendar before arrivals, and within the calendar first come, first served.
    """

    def __init__(self) -> None:
        super().__init__(0.0)
        self.next_arrival_s = inf
        self.arrive: Callable[[Task], None]
        self.contexts: list[Context] = [copy_context()]  # one for each worker
        self.current = Task(self)  # a placeholder until a request comes
        self._idle: list[Task] = []
        self._tasks: list[Task] = []
        self._stuck = 0
        self._root: greenlet
        self._greenlet_wanted = True
        self._closing = self._over = False
        self.thread = get_ident()
        self.threads: list[Thread] = []  # those that requests have started
        self.strayed: list[StrategyError] = []  # the calls that came from other threads
        self.advice = "hand the work to site.spawn(func, after_s=0)"  # what to do instead

    def time(self) -> float:
        """Return the virtual time on the servers' side, in seconds."""
        return self._now

    def request_time(self) -> float:
        """Return the virtual time as the current request sees it, in seconds."""
        return self._now + self.current.debt_s

    def serves_here(self) -> bool:
        """Return whether the calling code belongs to a request."""
        return get_ident() == self.thread and self.current.serving

    def astray(self, what: str) -> StrategyError:
        """Return, and remember, the error for a call of *what* from another thread than the run's."""
        return self.refused(
            f"{what} in another thread, where no virtual time passes (async_to_sync starts one, too): {self.advice}"
        )

    def refused(self, told: str) -> StrategyError:
        """Return an error with the text *told*. It ends the run even if the caller catches it."""
        error = StrayedError(told)
        self.strayed.append(error)
        error.told = not self._over
        return error

    def end_if_strayed(self) -> None:
        """End the run if a call came from another thread, even if that thread has caught the error."""
        if self.strayed:
            raise self.strayed[0] from None

    def end(self) -> None:
        """Note that the run is over without an error: the run will not report calls that come later."""
        self.end_if_strayed()
        self._over = True

    def play(self) -> None:
        """Run until nothing is due any more. A request's exception ends all others and is raised here."""
        self._root = greenlet.getcurrent()
        try:
            with collected_by_hand():
                self._start_greenlets()
            if self._stuck:
                self.end_if_strayed()
                raise StrategyError(f"{self._stuck} request(s) wait for something that never happens")
        finally:
            self._unwind()

    def wait(self, delay_s: float) -> None:
        """Let *delay_s* virtual seconds pass for the current request."""
        queue = self._queue
        until_s = self._now + delay_s
        if until_s < self.next_arrival_s and (not queue or until_s < queue[0][0]):
            self._now = until_s
        elif delay_s > 0 or self._closing:
            task = self.current
            heappush(queue, (until_s, NORMAL, next(self._eid), task))
            self._hand_over(task)

    def sleep(self, delay_s: float) -> None:
        """Let *delay_s* virtual seconds pass for the current request, its debt included.

        Raises:
            StrategyError: if a request sleeps more than `MOST_SLEEPS` times.
            OverflowError: if *delay_s* is above `LONGEST_DELAY_S`.
        """
        task = self.current
        self._count(task)
        if delay_s > LONGEST_DELAY_S:
            raise OverflowError("sleep length is too large")
        debt_s, task.debt_s = task.debt_s, 0.0
        self.wait(debt_s + delay_s)

    def freeze(self) -> None:
        """Stop the clock after a run: calls take effect at once, so that its caches can be read as it left them.

        Only a sleep still moves the clock; otherwise code that polls would wait for ever.
        """
        self.wait = lambda delay_s: self._count(self.current)  # type: ignore[method-assign]  # noqa: ARG005 - its name
        self.sleep = self._skip  # type: ignore[method-assign]
        self.current = Task(self)
        self.current.serving = True

    @contextmanager
    def still(self) -> Iterator[None]:
        """Stop the clock in a ``with`` block before the traffic: calls there belong to no request."""
        self.freeze()
        try:
            yield
        finally:
            self.current.serving = False
            del self.wait, self.sleep

    def _skip(self, delay_s: float) -> None:
        self._count(self.current)
        self._now += delay_s

    def _count(self, task: Task) -> None:
        """Count one more sleep of a request. Too many end the run, even if the request catches the error."""
        task.sleeps += 1
        if task.sleeps > MOST_SLEEPS:
            error = StrategyError(f"a request has waited {MOST_SLEEPS:,} times, for something that never happens")
            if task.sleeps > MOST_SLEEPS + 1 and greenlet.getcurrent() is not self._root:
                self._root.throw(error)
            raise error

    def settle(self) -> None:
        """Let the current request's debt pass."""
        task = self.current
        if task.debt_s:
            debt_s, task.debt_s = task.debt_s, 0.0
            self.wait(debt_s)

    def wait_for(self, event: simpy.Event) -> Any:
        """Wait until *event* has happened and return its value (SimPy's events, resources and processes)."""
        # A timeout has its value from the start, but has not happened yet.
        if not event.triggered or (isinstance(event, simpy.Timeout) and not event.processed):
            task = self.current
            event.callbacks.append(lambda _event: self._wake(task, event))
            self._stuck += 1
            self._hand_over(task)
            self._stuck -= 1
        if not event.ok:
            event.defused = True
            raise cast("BaseException", event.value)
        return event.value

    def call_at(self, when_s: float, func: Callable[[], None]) -> None:
        """Call *func* at *when_s*, on whichever greenlet holds the loop then; it may serve requests."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _event: func())
        heappush(self._queue, (when_s, NORMAL, next(self._eid), event))

    def enter_worker(self, task: Task, worker: int) -> None:
        """Let *task*'s greenlet see the context variables of *worker* (Django's `caches` among them).

        It gets a copy, as each thread has its own: other requests do not see what this one sets.
        """
        task.worker = worker
        task.greenlet.gr_context = self.contexts[worker].copy()

    def _start_greenlets(self) -> None:
        """Start a greenlet to run the loop, and another whenever all are busy, until nothing more is due.

        All are started from here, because a greenlet begins at the recursion depth of the code that starts it.
        """
        while self._greenlet_wanted:
            self._greenlet_wanted = False
            self._new_task().greenlet.switch()

    def _new_task(self) -> Task:
        task = Task(self)
        task.greenlet = greenlet(self._carry, parent=self._root)
        # The new greenlet reads its own task from `_starting`.
        task.greenlet.gr_context = self.contexts[0].copy()
        task.worker = 0
        self._tasks.append(task)
        self._starting = task
        return task

    def _carry(self) -> None:
        """Run the loop until nothing is due any more. This is the body of every greenlet."""
        task = self._starting
        queue = self._queue
        while True:
            self.current = task
            if queue and queue[0][0] <= self.next_arrival_s:
                sleeper = queue[0][3]
                if type(sleeper) is Task:
                    self._now = heappop(queue)[0]
                    self._idle.append(task)
                    sleeper.greenlet.switch()
                else:
                    self.step()
            elif self.next_arrival_s < inf:
                self._now = self.next_arrival_s
                self.arrive(task)
            else:
                return

    def _hand_over(self, task: Task) -> None:
        """Give the loop to another greenlet; return when one has switched back to *task*."""
        if self._closing:
            raise GreenletExit
        queue = self._queue
        if queue and queue[0][0] <= self.next_arrival_s and type(queue[0][3]) is Task:
            # The next thing due is another sleeper (or this one): no idle greenlet is needed in between.
            self._now, _, _, due = heappop(queue)
            if due is not task:
                cast("Task", due).greenlet.switch()
        elif self._idle:
            self._idle.pop().greenlet.switch()
        else:
            self._greenlet_wanted = True
            self._root.switch()
        self.current = task

    def _wake(self, task: Task, event: simpy.Event) -> None:
        """Let *task* go on at this instant, after tasks that have waited longer for the same *event*."""
        event.defused = True  # if it failed, the task raises
        heappush(self._queue, (self._now, NORMAL, next(self._eid), task))

    def _unwind(self) -> None:
        """End every greenlet that is still suspended, running its `finally` blocks."""
        self._closing = True
        self.next_arrival_s = -inf
        self.arrive = _leave  # for a request that swallows GreenletExit and returns
        for task in self._tasks:
            if not task.greenlet.dead:
                self.current = task
                with suppress(Exception):  # only the first error matters, not those of the clean-up
                    task.greenlet.throw(GreenletExit)
        self.current = Task(self)


def _leave(_task: Task) -> None:
    raise GreenletExit
