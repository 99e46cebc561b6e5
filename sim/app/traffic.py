"""The traffic of an app: which function is called when, with which arguments, by whom, in which worker.

The first read function and the first write function use the same random streams as a Scenario's own reads and writes.
So an app that does the same as a strategy gets the same requests.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ..application import App, Requests
from ..errors import UserError, one_line
from ..world.arrivals import Arrivals, rate_shape
from ..world.popularity import KeySampler, key_shares
from ..world.scenario import Scenario
from ..world.seeds import streams

Kind = Literal["read", "write", "journey"]
_IMMUTABLE = (int, str, float, bool, bytes, type(None))
_FIRST_JOURNEY = 1 << 40  # each kind of request has numbers of its own: one more write shifts no read


@dataclass(frozen=True)
class Arrival:
    """One request to come. `args` are the function's arguments, `user` is the logged-in user or None."""

    number: int
    arrival_s: float
    kind: Kind
    func: Any  # Requests or Journey
    args: tuple[Any, ...]
    user: int | None  # an index into the list of users
    worker: int


@dataclass
class Audience:
    """The possible arguments and users of each function, looked up in the database once, before the run."""

    args: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    users: dict[str, list[int]] = field(default_factory=dict)  # indices into the list of all users


@dataclass(frozen=True)
class _Drawn:
    kind: Kind
    func: Any
    arrival_s: NDArray[np.float64]
    args: NDArray[np.int32]
    user: NDArray[np.int32]
    worker: NDArray[np.int16]


def traffic(app: App, scenario: Scenario, audience: Audience, seed: int) -> list[Arrival]:
    """Return all requests of a run in the order of their arrival."""
    draw = _Draw(scenario, audience, seed)
    kinds: list[tuple[Kind, Sequence[Any]]] = [("read", app.reads), ("write", app.writes), ("journey", app.journeys)]
    drawn = [draw.of(kind, one, place) for kind, several in kinds for place, one in enumerate(several)]
    found = sorted(
        (float(one.arrival_s[nth]), place, nth) for place, one in enumerate(drawn) for nth in range(len(one.arrival_s))
    )
    numbers: dict[Kind, Iterator[int]] = {
        "read": itertools.count(),
        "write": itertools.count(-1, -1),
        "journey": itertools.count(_FIRST_JOURNEY),
    }
    return [_arrival(drawn[place], nth, numbers[drawn[place].kind], audience) for _at, place, nth in found]


def _arrival(drawn: _Drawn, nth: int, numbers: Iterator[int], audience: Audience) -> Arrival:
    name = drawn.func.name
    args = audience.args[name][drawn.args[nth]] if audience.args.get(name) else ()
    users = audience.users.get(name)
    user = users[drawn.user[nth]] if users else None
    return Arrival(
        next(numbers), float(drawn.arrival_s[nth]), drawn.kind, drawn.func, args, user, int(drawn.worker[nth])
    )


class _Draw:
    """Draws each function's requests from streams of its own."""

    def __init__(self, scenario: Scenario, audience: Audience, seed: int) -> None:
        self._scenario = scenario
        self._audience = audience
        self._streams = streams(seed)
        rng = np.random.default_rng(self._streams["rate_shape"])
        self._shape = rate_shape(scenario.arrivals, scenario.warmup_s, scenario.end_s, rng)

    def of(self, kind: Kind, one: Any, place: int) -> _Drawn:
        """Return the requests of one function, the *place*-th of its kind."""
        verb = "read" if kind == "read" else "write"
        plain = place == 0 and kind != "journey"
        seeds = {
            purpose: self._streams[f"{verb}_{purpose}"] if plain else self._apart(f"{verb}_{purpose}", one.name)
            for purpose in ("arrivals", "keys", "workers")
        }
        scenario = self._scenario
        times = Arrivals(one.per_s, self._shape, scenario.end_s, np.random.default_rng(seeds["arrivals"]))
        arrival_s = times.until(np.inf)
        count = len(arrival_s)
        workers = scenario.workers or 1
        uniform = np.random.default_rng(seeds["workers"]).random(count) if workers > 1 else np.zeros(count)
        users = len(self._audience.users.get(one.name, ()))
        dice = np.random.default_rng(self._apart(f"{verb}_keys", f"users of {one.name}")).random(count)
        return _Drawn(
            kind,
            one,
            arrival_s,
            self._args(one, kind, seeds["keys"], count),
            (dice * users).astype(np.int32),
            (uniform * workers).astype(np.int16),
        )

    def _args(self, one: Any, kind: Kind, seed: np.random.SeedSequence, count: int) -> NDArray[np.int32]:
        choices = self._audience.args.get(one.name)
        if not choices:
            return np.zeros(count, np.int32)
        shares = _shares(kind, one, len(choices))
        if kind == "write" and one.popularity != "uniform":
            # The arguments that are written often are not those that are read often.
            shares = np.random.default_rng(self._streams["write_ranks"]).permutation(shares)
        return KeySampler(shares, np.random.default_rng(seed)).draw(count)

    def _apart(self, purpose: str, name: str) -> np.random.SeedSequence:
        """Return a function's own stream, which does not depend on the other functions of the file."""
        seed = self._streams[purpose]
        return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, crc32(name.encode())))


def audience_of(app: App, find_users: Callable[[str, Any], list[int]]) -> Audience:
    """Look up the arguments and users of the functions; `find_users(name, users)` gives the indices of its users.

    Raises:
        UserError: for a function without any arguments to choose from, or a popularity that is not valid.
    """
    audience = Audience()
    kinds: list[tuple[Kind, Sequence[Requests]]] = [("read", app.reads), ("write", app.writes)]
    for kind, several in kinds:
        for one in several:
            if one.args is not None:
                audience.args[one.name] = _args_of(one)
                _shares(kind, one, len(audience.args[one.name]))  # raises the error before any run
    everybody: list[Any] = [*app.reads, *app.writes, *app.journeys]
    for one in everybody:
        if one.users is not None:
            audience.users[one.name] = find_users(one.name, one.users)
    return audience


def _shares(kind: Kind, one: Requests, choices: int) -> NDArray[np.float64]:
    return key_shares(f"@APP.{kind} {one_line(one.name)}: popularity", one.popularity, choices)


def handed(value: Any) -> Any:
    """Return *value*, an argument or a user, for one request: a copy, as if the request had loaded the row itself.

    So no request sees what another one changes in a row, or finds through it (Django caches related rows there).
    """
    try:
        return value if type(value) in _IMMUTABLE else deepcopy(value)
    except TypeError:  # an open file, for instance
        return value


def _args_of(one: Requests) -> list[tuple[Any, ...]]:
    given = one.args() if callable(one.args) else one.args
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise UserError(
            f"{one_line(one.name)}: its args are {one_line(repr(given), 40)}; they must be a list with the arguments "
            "of each call, or a function that returns one"
        )
    found = [entry if isinstance(entry, tuple) else (entry,) for entry in given]
    if not found:
        raise UserError(f"{one_line(one.name)}: its args are empty; does `fill` create the rows for them?")
    return found
