"""The clock of a project's process: its code sees virtual time, and each time shown is later than the one before.

`time-machine` replaces the date and time for all code, in C: `time.time`, `datetime.now`, `date.today` and so on.
`time.sleep` and functions that measure durations (such as `time.monotonic`) have stand-ins, which check the caller:
code that waits for a server waits in real time. Real threads see the same date and time but do not move it; their
durations and sleeps are real.

While a process is set up, the time stands at the run's start. A `time.sleep` there delays all later times.
"""

import sys
import threading
import time
from _thread import get_ident
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from ..errors import UserError
from .imports import replace_by_name
from .work import RUN

# These packages wait for sockets and processes in Python, so their durations are real.
_WAIT_FOR_REAL = {"psycopg", "psycopg_pool", "cachewise", "time_machine"}
# So are those of Python's own modules, except modules that wait for locks: a lock's wait is virtual in a request.
_WAIT_FOR_LOCKS = {"threading", "queue", "concurrent"}
_VIRTUAL = {"sched", "timeit", "__main__"}
# Modules that ask for the time but show it in no content: headers, expiry of copies, logs.
_NO_MATTER = {
    *("django.http.response", "django.http.cookie", "django.utils.cache", "django.db.backends.utils", "logging"),
    *("django.core.cache.backends.base", "django.core.cache.backends.locmem", "django.db.backends.base.base"),
}
_UPTIME_NS = 10**15  # at the run's start; small, because a large float has coarse fractions
_LONG_S = 1.0  # a real thread that sleeps so long does no work that a request waits for


class ProjectClock:
    """The time for a project's code: `start_s` (since 1970) plus the seconds that `source` returns.

    `source` and `sleeper` are the run's: `engine.request_time` and `engine.sleep`.
    """

    def __init__(self, start_s: float) -> None:
        self.source: Callable[[], float] = lambda: 0.0
        self.sleeper: Callable[[float], None] = self._put_off
        self._stands_s = 0.0  # the seconds at which it stands
        self.times_asked = 0  # by code that may show the time in content
        self._thread = get_ident()  # the thread of the run
        self._start_ns = _whole_us(start_s)
        self._booted_ns = self._start_ns - _UPTIME_NS
        self._shown_ns = self._start_ns - 1000
        self._measured_ns = self._start_ns

    def install(self) -> None:
        """Show this clock to the whole process, permanently.

        Raises:
            UserError: if `time-machine` is not installed.
        """
        _replace_calendar(self)
        for name, real in _REAL.items():
            virtual: Any = self._measure_ns if name.endswith("_ns") else self._measure_s
            setattr(time, name, self._unless_real(real, self._sleep if name == "sleep" else virtual))
        time.ctime = _of_now(time.ctime, time.time)
        time.asctime = _of_now(time.asctime, time.localtime)
        time.clock_gettime = self._of_clock(time.clock_gettime, self._measure_s)
        time.clock_gettime_ns = self._of_clock(time.clock_gettime_ns, self._measure_ns)
        replace_by_name({id(real): getattr(time, name) for name, real in _REAL.items()}, ("cachewise",))

    def show(self, since_start_s: float) -> None:
        """Stand still at *since_start_s* from now on, to evaluate a read. This may be earlier than times shown before.

        Only a sleep of that read moves it.
        """
        self._stands_s = since_start_s
        self.source, self.sleeper = lambda: self._stands_s, self._move_on
        self._measured_ns = self._calendar_ns()
        self._shown_ns = self._measured_ns - 1000
        if "uuid" in sys.modules:
            sys.modules["uuid"]._last_timestamp = None  # type: ignore[attr-defined]  # below which it shows none

    def shown_ns(self) -> int:
        """Return the time to show next: the present one, or a microsecond after the one shown last."""
        self._shown_ns = max(self._calendar_ns(), self._shown_ns + 1000)
        return self._shown_ns

    def told_ns(self, caller: str) -> int:
        """Return `time.time_ns` for code of the module *caller*; only the project's code advances the shown time."""
        if get_ident() != self._thread:
            return self._shown_ns
        if caller.startswith("cachewise."):
            return max(self._shown_ns, self._calendar_ns())
        self._count(caller)
        return self.shown_ns()

    def _count(self, caller: str) -> None:
        self.times_asked += caller not in _NO_MATTER and not caller.startswith("cachewise.")

    def _calendar_ns(self) -> int:
        return self._start_ns + _whole_us(self.source())

    def _measure_ns(self) -> int:
        """Return the time that measures durations: since the machine's start, never going back."""
        self._measured_ns = max(self._calendar_ns(), self._measured_ns)
        return self._measured_ns - self._booted_ns

    def _measure_s(self) -> float:
        return self._measure_ns() / 1e9

    def _sleep(self, seconds: float) -> None:
        if not isinstance(seconds, (int, float)) and not hasattr(seconds, "__index__"):
            raise TypeError(f"{type(seconds).__name__!r} object cannot be interpreted as an integer")
        if not seconds >= 0:
            raise ValueError("sleep length must be non-negative")
        self.sleeper(float(seconds))

    def _put_off(self, seconds: float) -> None:
        """Sleep during set-up: in real time only if there are threads that it may wait for."""
        _REAL["sleep"](seconds if threading.active_count() > 1 else 0)
        self._start_ns += _whole_us(seconds)

    def _move_on(self, seconds: float) -> None:
        self._stands_s += seconds

    def _virtual_for(self, module: str) -> bool:
        """Return whether durations are virtual here for code of *module*."""
        if get_ident() != self._thread:
            return False
        kind = _kind(module)
        return RUN.task() is not None if kind is None else kind

    def _unless_real(self, real: Callable[..., Any], virtual: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def asking(*args: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            self._count(caller)
            if self._virtual_for(caller):
                return virtual(*args)
            if real is _REAL["sleep"] and args and args[0] >= _LONG_S and get_ident() != self._thread:
                with RUN.resting():
                    return real(*args)
            return real(*args)

        return asking

    def _of_clock(self, real: Callable[..., Any], virtual: Callable[[], Any]) -> Callable[..., Any]:
        """Return `clock_gettime` with *virtual* for all clocks except CLOCK_REALTIME, which is already replaced."""

        @wraps(real)
        def asking(clock: int) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            self._count(caller)
            measured = clock != time.CLOCK_REALTIME
            if measured and self._virtual_for(caller):
                return virtual()
            return real(clock)

        return asking


@cache
def _kind(module: str) -> bool | None:
    """Return whether durations are virtual for code of *module*; None: only in requests."""
    top = module.partition(".")[0]
    if top in _WAIT_FOR_LOCKS:
        return None
    return top in _VIRTUAL or (top not in _WAIT_FOR_REAL and top not in sys.stdlib_module_names)


def _whole_us(seconds: float) -> int:
    """Return *seconds* in nanoseconds, rounded to whole microseconds, so that a `datetime` shows them exactly."""
    return round(seconds * 1e6) * 1000


def _of_now(real: Callable[..., Any], now: Callable[[], Any]) -> Callable[..., Any]:
    """Return *real* with the time from *now* if it gets no time (it would ask C for it)."""

    @wraps(real)
    def asking(*given: Any) -> Any:
        return real(*(given if given and given[0] is not None else (now(),)))

    return asking


def _replace_calendar(clock: ProjectClock) -> None:
    hidden = {"pytest": None} if "pytest" not in sys.modules else {}  # time-machine would import pytest
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        import time_machine
    except ImportError:
        raise UserError("an app's run needs time-machine: pip install 'cachewise[app]'") from None
    finally:
        for name in hidden:
            del sys.modules[name]

    class Traveller(time_machine.Traveller):  # type: ignore[misc]
        def time_ns(self) -> int:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if caller.startswith("cachewise.sim.daemons."):  # a server's start depends on the machine's clock
                return int(time_machine.escape_hatch.time.time_ns())
            return clock.told_ns(caller)

    time_machine.travel(0.0, tick=False).start()
    time_machine.traveller_stack[-1] = Traveller(0, None, tick=False)


_REAL: dict[str, Callable[..., Any]] = {
    name: getattr(time, name)
    for stem in ("monotonic", "perf_counter", "process_time", "thread_time")
    for name in (stem, f"{stem}_ns")
} | {"sleep": time.sleep}
