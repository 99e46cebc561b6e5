"""The clock of a project's process: all that its code sees of the time is virtual, and what is shown ascends strictly.

`time-machine` replaces the calendar for everybody, in C: `time.time`, `datetime.now`, `date.today` and the like. What
measures durations (`time.monotonic` and others) and `time.sleep` have stand-ins, which ask who calls: whoever waits
for a server waits for real. Real threads see the same calendar and do not move it; their durations and sleep are real.

While a process is set up, the time stands at the run's start. A `time.sleep` there puts off all that comes later.
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

# Whoever waits for sockets and processes, in Python: there durations are real.
_WAIT_FOR_REAL = {"psycopg", "psycopg_pool", "cachewise", "time_machine"}
# Python's own modules do so, too, but for those that wait for locks, which are virtual in a request.
_WAIT_FOR_LOCKS = {"threading", "queue", "concurrent"}
_VIRTUAL = {"sched", "timeit", "__main__"}
# Who asks for the time, and shows it in no content: headers, ends of copies, logs.
_NO_MATTER = {
    *("django.http.response", "django.http.cookie", "django.utils.cache", "django.db.backends.utils", "logging"),
    *("django.core.cache.backends.base", "django.core.cache.backends.locmem", "django.db.backends.base.base"),
}
_UPTIME_NS = 10**15  # at the run's start; small, since the fractions of a large float are coarse
_LONG_S = 1.0  # who sleeps so long in a real thread does nothing meanwhile that a request waits for


class ProjectClock:
    """What time it is to a project's code: `start_s` (since 1970), and what `source` says has passed since then.

    `source` and `sleeper` are the run's: `engine.request_time` and `engine.sleep`.
    """

    def __init__(self, start_s: float) -> None:
        self.source: Callable[[], float] = lambda: 0.0
        self.sleeper: Callable[[float], None] = self._put_off
        self._stands_s = 0.0  # where it does
        self.times_asked = 0  # by what may show it
        self._thread = get_ident()  # the one that plays the run
        self._start_ns = _whole_us(start_s)
        self._booted_ns = self._start_ns - _UPTIME_NS
        self._shown_ns = self._start_ns - 1000
        self._measured_ns = self._start_ns

    def install(self) -> None:
        """Show this clock to the whole process, for good.

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
        """Stand still at *since_start_s* from now on, be it earlier than what was shown: to evaluate a read.

        Only what that sleeps moves it.
        """
        self._stands_s = since_start_s
        self.source, self.sleeper = lambda: self._stands_s, self._move_on
        self._measured_ns = self._calendar_ns()
        self._shown_ns = self._measured_ns - 1000
        if "uuid" in sys.modules:
            sys.modules["uuid"]._last_timestamp = None  # type: ignore[attr-defined]  # below which it shows none

    def shown_ns(self) -> int:
        """Return the time that is shown next: the calendar's, or a microsecond after what was shown last."""
        self._shown_ns = max(self._calendar_ns(), self._shown_ns + 1000)
        return self._shown_ns

    def told_ns(self, caller: str) -> int:
        """Return what `time.time_ns` tells the code of the module *caller*; only the project's moves what is shown."""
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
        """Return the time by which durations are measured: since this machine was started, and never back."""
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
        """Sleep during set-up: for real only where there are threads that it may wait for."""
        _REAL["sleep"](seconds if threading.active_count() > 1 else 0)
        self._start_ns += _whole_us(seconds)

    def _move_on(self, seconds: float) -> None:
        self._stands_s += seconds

    def _virtual_for(self, module: str) -> bool:
        """Return whether durations are virtual for code of *module* here."""
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
        """Return `clock_gettime` with *virtual* for all clocks but the calendar, which is replaced already."""

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
    """Return whether durations are virtual for code of *module*; None: in requests only."""
    top = module.partition(".")[0]
    if top in _WAIT_FOR_LOCKS:
        return None
    return top in _VIRTUAL or (top not in _WAIT_FOR_REAL and top not in sys.stdlib_module_names)


def _whole_us(seconds: float) -> int:
    """Return *seconds* in nanoseconds, but whole microseconds: so a `datetime` shows them as they are."""
    return round(seconds * 1e6) * 1000


def _of_now(real: Callable[..., Any], now: Callable[[], Any]) -> Callable[..., Any]:
    """Return *real*, which asks C for the time when it is given none, asking *now* instead."""

    @wraps(real)
    def asking(*given: Any) -> Any:
        return real(*(given if given and given[0] is not None else (now(),)))

    return asking


def _replace_calendar(clock: ProjectClock) -> None:
    hidden = {"pytest": None} if "pytest" not in sys.modules else {}  # it would import that, where it is installed
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
            if caller.startswith("cachewise.sim.daemons."):  # servers begin at a second of this machine's clock
                return int(time_machine.escape_hatch.time.time_ns())
            return clock.told_ns(caller)

    time_machine.travel(0.0, tick=False).start()
    time_machine.traveller_stack[-1] = Traveller(0, None, tick=False)


_REAL: dict[str, Callable[..., Any]] = {
    name: getattr(time, name)
    for stem in ("monotonic", "perf_counter", "process_time", "thread_time")
    for name in (stem, f"{stem}_ns")
} | {"sleep": time.sleep}
