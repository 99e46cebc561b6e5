"""The commits of a run: their times and the tables they changed. They tell how long a value holds."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from ..project.watch import ALL_TABLES, Tables

ANY = next(iter(ALL_TABLES))


class History:
    """The states of the database: number 0 is the first; the nth commit makes state n."""

    def __init__(self) -> None:
        self.commit_s = [0.0]
        self._changes: defaultdict[str, list[int]] = defaultdict(list)  # table: the commits that changed it

    @property
    def newest(self) -> int:
        """The number of the newest state."""
        return len(self.commit_s) - 1

    def commit(self, at_s: float, tables: Tables) -> int:
        """Note a commit that changed *tables*, and return the number of the new state."""
        self.commit_s.append(at_s)
        for table in tables:
            self._changes[table].append(self.newest)
        return self.newest

    def began(self, tables: Tables, state: int) -> int:
        """Return the first state from which on, up to *state*, nothing in *tables* has changed."""
        if tables >= ALL_TABLES:
            return state
        return max((_last_up_to(self._changes.get(table, ()), state) for table in (*tables, ANY)), default=0)

    def ended(self, tables: Tables, state: int) -> int | None:
        """Return the first state after *state* that changed one of *tables*, or None if there is none yet."""
        if tables >= ALL_TABLES:
            return state + 1 if state < self.newest else None
        after = (_first_after(self._changes.get(table, ()), state) for table in (*tables, ANY))
        return min((one for one in after if one is not None), default=None)


@dataclass(slots=True)
class Value:
    """A question's value on `state`. It holds from `began` on, as long as nothing in `tables` changes.

    `ended` is the first state on which it no longer holds, once known.
    """

    began: int
    state: int
    tables: Tables
    digest: bytes
    ended: int | None = None


class Values:
    """All known values of one question."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: list[Value] = []  # in the order of the states; no two overlap
        self._began: list[int] = []  # of each

    def learn(self, state: int, tables: Tables, digest: bytes) -> Value:
        """Note the value of an evaluation."""
        began = self._history.began(tables, state)
        place = bisect_right(self._began, state)
        if place:  # if the tables vary, an older value keeps the states on which it held
            began = max(began, self.ended(self._known[place - 1]) or 0)
        value = Value(began, state, tables, digest)
        place = bisect_right(self._began, began)
        self._known.insert(place, value)
        self._began.insert(place, began)
        return value

    def at(self, state: int) -> Value | None:
        """Return the question's value on *state*, or None if it is not known."""
        place = bisect_right(self._began, state) - 1
        if place < 0:
            return None
        value = self._known[place]
        ended = self.ended(value)
        return value if ended is None or state < ended else None

    def ended(self, value: Value) -> int | None:
        """Return the first state on which *value* no longer holds, or None if it still holds."""
        if value.ended is None:
            value.ended = self._history.ended(value.tables, value.state)
        return value.ended


def _last_up_to(changes: "list[int] | tuple[()]", state: int) -> int:
    place = bisect_right(changes, state)
    return changes[place - 1] if place else 0


def _first_after(changes: "list[int] | tuple[()]", state: int) -> int | None:
    place = bisect_right(changes, state)
    return changes[place] if place < len(changes) else None
