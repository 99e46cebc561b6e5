"""The traffic of an app: it draws the streams of a Scenario, and nothing that is added shifts what was there."""

from typing import Any

import numpy as np
import pytest

from cachewise import App, Scenario, UserError
from cachewise.sim.app.traffic import Arrival, Audience, audience_of, traffic
from cachewise.sim.world.workload import build_workload

SCENARIO = Scenario(
    "shop",
    keys=30,
    reads_per_s=80,
    writes_per_s=9,
    read_popularity="zipf:1.0",
    write_popularity="zipf:0.8",
    arrivals="bursts:3:5:10",
    duration_s=40,
    warmup_s=5,
    workers=3,
)
KEYS = [(f"key:{code}",) for code in range(30)]


def page(client: Any, key: str) -> None:
    """Stand for a read."""


def change(client: Any, key: str) -> None:
    """Stand for a write."""


def shop() -> App:
    """Return an app with the traffic of the scenario."""
    app = App("shop.settings")
    app.read(per_s=80, args=[key for (key,) in KEYS], popularity="zipf:1.0")(page)
    app.write(per_s=9, args=[key for (key,) in KEYS], popularity="zipf:0.8")(change)
    return app


def drawn(app: App, seed: int = 3, **users: list[int]) -> list[Arrival]:
    """Return the requests of *app*, whose functions all have the same arguments."""
    everybody: Any = [*app.reads, *app.writes]
    return traffic(app, SCENARIO, Audience({one.name: KEYS for one in everybody if one.args}, dict(users)), seed)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_streams_are_those_of_a_scenario(seed: int) -> None:
    """The first read and the first write function meet the simulation's requests: times, keys and workers."""
    chunks = list(build_workload(SCENARIO, seed).chunks())
    theirs = {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in vars(chunks[0])}
    ours = drawn(shop(), seed)
    assert len(ours) > 1_000
    assert [one.arrival_s for one in ours] == theirs["arrival_s"].tolist()
    assert [one.kind == "write" for one in ours] == theirs["is_write"].tolist()
    assert [one.args for one in ours] == [KEYS[code] for code in theirs["key_code"]]
    assert [one.worker for one in ours] == theirs["worker"].tolist()


def test_what_is_added_shifts_nothing() -> None:
    """Another read, another write and a journey: the requests that were there come as before, with their numbers."""
    app = shop()
    before = drawn(app)
    app.read(per_s=7, args=[1])(lambda client, key: (client, key))
    app.journey(per_s=3, users=2)(named("edit"))
    app.write(per_s=2)(named("restock"))
    after = drawn(app, edit=[4, 5])
    for name in ("page", "change"):
        assert [(one.arrival_s, one.args, one.worker) for one in after if one.func.name == name] == [
            (one.arrival_s, one.args, one.worker) for one in before if one.func.name == name
        ]
    assert {one.user for one in after if one.kind == "journey"} == {4, 5}
    assert len({one.number for one in after}) == len(after)


def named(name: str) -> Any:
    """Return a function of that name."""

    def func(*_given: Any) -> None: ...

    func.__name__ = name
    return func


def test_what_functions_are_called_with() -> None:
    """A value is an argument, a tuple several; users are asked for by the function's name."""
    app = App("shop.settings")
    app.read(per_s=1, args=lambda: [1, (2, "b")])(page)
    app.write(per_s=1, users=2)(change)
    found = audience_of(app, lambda name, users: [len(name)] * users)
    assert found.args == {"page": [(1,), (2, "b")]}
    assert found.users == {"change": [6, 6]}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"args": []}, "page: its args are empty; does `fill` create the rows for them?"),
        ({"args": [1], "popularity": "zipf"}, "@APP.read page: popularity"),
    ],
)
def test_what_nothing_can_be_called_with(given: dict[str, Any], line: str) -> None:
    """It is refused before any run."""
    app = App("shop.settings")
    app.read(per_s=1, **given)(page)
    with pytest.raises(UserError, match=line.replace("?", r"\?")):
        audience_of(app, lambda _name, _users: [])
