"""The commits of a run: when each came, which tables it changed, and so, how long a value holds."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from ..project.watch import ALL_TABLES, Tables

ANY = next(iter(ALL_TABLES))


class History:
    """The states of the database: number 0 was there first, number n came with the nth commit."""

    def __init__(self) -> None:
        self.commit_s = [0.0]
        self._changes: defaultdict[str, list[int]] = defaultdict(list)  # table: the commits that changed it

    @property
    def newest(self) -> int:
        """The number of the newest state."""
        return len(self.commit_s) - 1

    def commit(self, at_s: float, tables: Tables) -> int:
        """Note a commit that changed *tables*, and return the number of the state that came with it."""
        self.commit_s.append(at_s)
        for table in tables:
            self._changes[table].append(self.newest)
        return self.newest

    def began(self, tables: Tables, state: int) -> int:
        """Return the first state of those up to *state* between which nothing in *tables* has changed."""
        if tables >= ALL_TABLES:
            return state
        return max((_last_up_to(self._changes.get(table, ()), state) for table in (*tables, ANY)), default=0)

    def ended(self, tables: Tables, state: int) -> int | None:
        """Return the first state after *state* with which something in *tables* changed; None: there is none yet."""
        if tables >= ALL_TABLES:
            return state + 1 if state < self.newest else None
        after = (_first_after(self._changes.get(table, ()), state) for table in (*tables, ANY))
        return min((one for one in after if one is not None), default=None)


@dataclass(slots=True)
class Value:
    """What a question gave on `state`; it is the same from `began` on, as long as nothing in `tables` changes.

    `ended` is the first state after it held, once that is known.
    """

    began: int
    state: int
    tables: Tables
    digest: bytes
    ended: int | None = None


class Values:
    """All that is known of one question."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: list[Value] = []  # in the order of the states; no two overlap
        self._began: list[int] = []  # of each

    def learn(self, state: int, tables: Tables, digest: bytes) -> Value:
        """Note what an evaluation gave."""
        began = self._history.began(tables, state)
        place = bisect_right(self._began, state)
        if place:  # where the tables are not always the same, what was known before still holds where it did
            began = max(began, self.ended(self._known[place - 1]) or 0)
        value = Value(began, state, tables, digest)
        place = bisect_right(self._began, began)
        self._known.insert(place, value)
        self._began.insert(place, began)
        return value

    def at(self, state: int) -> Value | None:
        """Return what the question gives on *state*, if that is known."""
        place = bisect_right(self._began, state) - 1
        if place < 0:
            return None
        value = self._known[place]
        ended = self.ended(value)
        return value if ended is None or state < ended else None

    def ended(self, value: Value) -> int | None:
        """Return the first state after *value* held; None: it holds still."""
        if value.ended is None:
            value.ended = self._history.ended(value.tables, value.state)
        return value.ended


def _last_up_to(changes: "list[int] | tuple[()]", state: int) -> int:
    place = bisect_right(changes, state)
    return changes[place - 1] if place else 0


def _first_after(changes: "list[int] | tuple[()]", state: int) -> int | None:
    place = bisect_right(changes, state)
    return changes[place] if place < len(changes) else None
