"""The vocabulary: a Scenario says what the traffic, the latencies and the machines are like."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError, one_line, unknown
from ..traces.columns import plain_columns
from .arrivals import parse_arrivals, plain_arrivals
from .durations import is_time, number, plain, seconds
from .latency import Latency, plain_latency
from .popularity import parse_popularity
from .specs import require

MaxEntries = int | Literal["auto"] | None  # "auto": each backend's own; None: no limit


def knob(default: Any, meaning: str) -> Any:
    """Return a dataclass field with its one-line *meaning*, which `cachewise list` and the page show."""
    return field(default=default, metadata={"meaning": meaning}, kw_only=True)


@dataclass(frozen=True)
class Scenario:
    """A workload and the world it runs in; frozen and validated; all arguments but its name are keyword-only.

    Latencies (``*_s`` with a spec) are seconds: a number, ``exponential:MEAN_S``, ``lognormal:MEDIAN_S:SIGMA`` or
    ``uniform:LOW_S:HIGH_S``; in Python also a measured distribution (`cachewise.sim.world.latency.Empirical`).
    Wherever a text stands for seconds, it may be a duration: ``lognormal:5ms:0.6``, ``bursts:10:5s:1m``.

    Raises:
        UserError: for a value that no run can use; the message names the field and the limit.
    """

    name: str
    why: str = knob("", "why this scenario exists")
    keys: int = knob(1000, "number of keys")
    read_popularity: str = knob("zipf:1.0", "share of the reads a key gets")
    write_popularity: str = knob("uniform", "share of the writes a key gets; 'same' follows the reads key by key")
    reads_per_s: float = knob(100.0, "mean rate of reads")
    writes_per_s: float = knob(1.0, "mean rate of writes")
    rollback_ratio: float = knob(
        0.0, "share of the write requests that fail where their transaction would commit, so that it is rolled back"
    )
    arrivals: str = knob("poisson", "how reads and writes are spread over time")
    duration_s: float = knob(600.0, "measured time")
    warmup_s: float = knob(60.0, "time before the measurement starts")
    cache_rtt_s: Latency = knob("auto", "one cache round trip; 'auto' gives each backend its own")
    db_send_s: Latency = knob(0.0, "from the call of a query to its snapshot, which db_read_s follows")
    db_read_s: Latency = knob("lognormal:0.005:0.6", "one database query")
    db_write_s: Latency = knob(0.0, "a write's own statements, once its row is locked")
    db_commit_s: Latency = knob("lognormal:0.005:0.6", "one database commit")
    render_s: Latency = knob(0.0, "from the row to the value ready to cache")
    transaction_tail_s: Latency = knob(0.0, "from the statement to the commit, inside atomic()")
    value_bytes: int = knob(256, "payload of a row")
    max_entries: MaxEntries = knob(
        "auto",
        "MAX_ENTRIES of the cache; 'auto' is Django's own default on locmem, file, db and postgres, and no limit "
        "elsewhere; None means no limit",
    )
    cull_frequency: int = knob(3, "CULL_FREQUENCY of the cache")
    workers: int | None = knob(None, "worker processes; None means one")
    threads: int | None = knob(None, "threads a worker; None means no limit")
    db_connections: int | None = knob(None, "database connections in the pool; None means no limit")
    trace: str | None = knob(None, "file to replay instead of synthetic reads (and writes, if it has them)")
    trace_columns: str | None = knob(
        None, "what the trace's file calls time, key, op, size and timeout, such as time=ts,key=url"
    )
    trace_speed: float = knob(1.0, "how many times faster than recorded the trace is replayed")

    def __post_init__(self) -> None:
        """Convert harmless values (an int for a float, a Path for a trace, a dict for its columns), refuse the rest."""
        require(isinstance(self.name, str) and bool(self.name.strip()), "a scenario needs a name")
        for one in fields(self):
            object.__setattr__(self, one.name, self._checked(one.name, getattr(self, one.name)))
        require(self.duration_s > 0, self._at("duration_s", "must be above 0"))
        require(self.trace_speed > 0, self._at("trace_speed", "must be above 0"))
        require(self.rollback_ratio <= 1, self._at("rollback_ratio", "must be at most 1"))
        require(self.trace is not None or self.reads_per_s + self.writes_per_s > 0, "there is no traffic at all")
        parse_popularity("read_popularity", self.read_popularity)
        parse_popularity("write_popularity", self.write_popularity)
        self._check_arrivals()
        limited = self.max_entries is not None or self.cull_frequency == DEFAULTS["cull_frequency"]
        require(limited, self._at("cull_frequency", "needs max_entries"))
        self._check_trace_conflicts()

    def _checked(self, name: str, value: Any) -> Any:
        if name in _COUNTS:
            return self._count(name, value)
        if name in _NUMBERS:
            checked = (seconds if is_time(name) else number)(f"Scenario {one_line(self.name)!r}: {name}", value)
            require(checked >= 0, self._at(name, "must not be negative"))
            require(checked <= 1e9, self._at(name, "must be at most 1,000,000,000"))
            return checked
        if name in LATENCIES:
            return value if name in _MAY_BE_AUTO and value == "auto" else plain_latency(name, value)
        if name == "trace":
            return None if value is None else str(value)
        if name == "trace_columns":
            return None if value is None else self._columns(value)
        require(isinstance(value, str), self._at(name, "must be text"))
        return plain_arrivals(value) if name == "arrivals" else value

    def _columns(self, value: Any) -> str:
        text = ",".join(f"{ours}={theirs}" for ours, theirs in value.items()) if isinstance(value, Mapping) else value
        require(isinstance(text, str), self._at("trace_columns", "must be text, such as time=ts,key=url"))
        return plain_columns(str(text))

    def _count(self, name: str, value: Any) -> Any:
        if (value is None and name in _MAY_BE_NONE) or (value == "auto" and name in _MAY_BE_AUTO):
            return value
        least, most = _COUNTS[name]
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        require(whole and not isinstance(value, bool), self._at(name, _must_be_whole(name, "'auto'", "None")))
        require(least <= value <= most, self._at(name, f"must lie between {least:,} and {most:,}"))
        return int(value)

    def _check_arrivals(self) -> None:
        name, numbers = parse_arrivals(self.arrivals)
        if name == "flash":
            require(numbers[1] < self.duration_s, self._at("arrivals", f"comes after duration_s={self.duration_s:g}"))

    def _check_trace_conflicts(self) -> None:
        if self.trace is None:
            require(self.trace_speed == 1, self._at("trace_speed", "needs a trace"))
            require(self.trace_columns is None, self._at("trace_columns", "needs a trace"))
            return
        for name in ("keys", "read_popularity", "reads_per_s", "arrivals"):
            if getattr(self, name) != DEFAULTS[name]:
                raise UserError(self._at(name, "comes from the trace; leave it out"))

    def _at(self, name: str, problem: str) -> str:
        return f"Scenario {one_line(self.name)!r}: {name}={one_line(_brief(getattr(self, name)))} {problem}"

    @property
    def end_s(self) -> float:
        """When the traffic stops, in virtual seconds."""
        return self.warmup_s + self.duration_s

    def with_settings(self, settings: Mapping[str, str]) -> "Scenario":
        """Return a copy with *settings* (field to text, as typed on the command line) applied.

        Raises:
            UserError: for an unknown field or a value that does not fit.
        """
        return replace(self, **{name: _from_text(name, text) for name, text in settings.items()})


def _brief(value: Any) -> Any:
    """Return a value as it was probably typed: a whole float as an int, text that looks like a number in quotes."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return repr(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


LATENCIES = (
    *("cache_rtt_s", "db_send_s", "db_read_s", "db_write_s", "db_commit_s"),
    *("render_s", "transaction_tail_s"),
)
_NUMBERS = ("reads_per_s", "writes_per_s", "duration_s", "warmup_s", "trace_speed", "rollback_ratio")
_COUNTS = {
    "keys": (1, 50_000_000),
    "value_bytes": (0, 100_000_000),
    "max_entries": (1, 1_000_000_000),
    "cull_frequency": (0, 1_000_000),
    "workers": (1, 4096),
    "threads": (1, 1_000_000),
    "db_connections": (1, 1_000_000),
}
_MAY_BE_NONE = ("max_entries", "workers", "threads", "db_connections", "trace", "trace_columns")
_MAY_BE_AUTO = ("max_entries", "cache_rtt_s")
DEFAULTS: Mapping[str, Any] = {one.name: one.default for one in fields(Scenario) if one.default is not MISSING}
MEANINGS: Mapping[str, str] = {one.name: one.metadata.get("meaning", "") for one in fields(Scenario)}


def is_count(name: str) -> bool:
    """Return whether a field of the scenario takes whole numbers only."""
    return name in _COUNTS


def is_number(name: str) -> bool:
    """Return whether a field of the scenario takes a number, whole or not."""
    return name in _COUNTS or name in _NUMBERS


def _must_be_whole(name: str, auto: str, none: str) -> str:
    """Return the end of a message about a count; *auto* and *none* are spelled as in Python or on the command line."""
    others = [word for word, names in ((auto, _MAY_BE_AUTO), (none, _MAY_BE_NONE)) if name in names]
    return f"must be {' or '.join([', '.join(['a whole number', *others[:-1]]), *others[-1:]])}"


def _from_text(name: str, text: str) -> Any:
    if name not in DEFAULTS:
        raise unknown("scenario field", name, DEFAULTS)
    if text.strip().lower() in ("none", "null") and name in _MAY_BE_NONE:
        return None
    if text.strip().lower() == "auto" and name in _MAY_BE_AUTO:
        return "auto"
    if name in _COUNTS:
        try:
            return number(name, text)
        except UserError:
            raise UserError(f"{name}={one_line(text)} {_must_be_whole(name, 'auto', 'none')}") from None
    if name in _NUMBERS:
        return (seconds if is_time(name) else number)(name, text)
    if name == "trace":
        return str(Path(text))
    return text


def plain_text(name: str, text: str) -> str:
    """Return the *text* of a field's value with its times in seconds: ``600`` for ``10m``.

    Raises:
        UserError: for what is no duration, latency or arrival process.
    """
    stripped = text.strip()
    if name in LATENCIES and not (name in _MAY_BE_AUTO and stripped.lower() == "auto"):
        latency = plain_latency(name, stripped)
        return plain(latency) if isinstance(latency, float) else str(latency)
    if name == "arrivals":
        return plain_arrivals(stripped)
    return plain(seconds(name, stripped)) if is_time(name) and name not in LATENCIES else text
