"""The open cases: which question must be evaluated on which state, and which verdicts follow from the answers."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import NamedTuple

from ..project.watch import Tables
from .history import History, Value, Values
from .verdict import Verdict


class _Case(NamedTuple):
    """A read to be judged; `oldest` is the oldest state that a cached copy could hold when the read was served."""

    number: int
    began_s: float
    first: int
    last: int
    digest: bytes
    oldest: int


class _Asked:
    """A question: its known values, the reads that wait for its value on each state, and the state being evaluated."""

    def __init__(self, history: History) -> None:
        self.values = Values(history)
        self.under_way: set[int] = set()
        self._waiting: defaultdict[int, list[_Case]] = defaultdict(list)
        self._states: list[int] = []  # states with waiting reads, sorted

    def wait(self, state: int, case: _Case) -> None:
        if state not in self._waiting:
            insort(self._states, state)
        self._waiting[state].append(case)

    def next(self) -> tuple[int, float] | None:
        """Return the newest state that a read waits for, and that read's clock: reads search from new to old."""
        return (self._states[-1], self._waiting[self._states[-1]][0].began_s) if self._states else None

    def woken(self, began: int, ended: int) -> Iterator[tuple[int, _Case]]:
        """Yield (state, case) for all that waited for a value on a state from *began* to before *ended*."""
        places = slice(bisect_left(self._states, began), bisect_left(self._states, ended))
        states, self._states[places] = self._states[places], []
        for state in states:
            yield from ((state, case) for case in self._waiting.pop(state))


class Docket:
    """Decides each read from the values of its question; it asks for these one after another."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.verdicts: list[Verdict] = []
        self.wanted: dict[int, dict[int, float]] = {}  # state: {question: the clock for its evaluation}
        self.fresh: deque[tuple[int, int]] = deque()  # (question, state), in the order in which they became wanted
        self._questions: dict[int, _Asked] = {}
        self.kept: Tables = frozenset()  # tables whose rows, of any state, the project may keep in memory
        self._oldest = 0  # the oldest state that a copy can still hold
        self._open: Counter[int] = Counter()  # how many open reads may need states from this one on
        self._due: Counter[int] = Counter()  # how many evaluations of a state are wanted or running
        self._gone: set[int] = set()

    def ask(self, question: int, number: int, began_s: float, first: int, last: int, digest: bytes) -> None:
        """Take a read to be judged; the evaluation that it needs is then in `wanted`."""
        asked = self._questions.setdefault(question, _Asked(self.history))
        case = _Case(number, began_s, first, last, digest, min(self._oldest, first))
        self._open[case.oldest] += 1
        self._decide(asked, case, case.first)
        self._want_next(question, asked)

    def learn(self, question: int, state: int, tables: Tables, digest: bytes) -> None:
        """Take the value of *question* on *state*."""
        asked = self._questions[question]
        asked.under_way.discard(state)
        self._due[state] -= 1
        value = asked.values.at(state) or asked.values.learn(state, tables, digest)
        ended = asked.values.ended(value)
        for waited, case in list(asked.woken(value.began, self.history.newest + 1 if ended is None else ended)):
            self._decide(asked, case, waited)
        self._want_next(question, asked)

    def take(self, state: int, most: int) -> list[tuple[int, float]]:
        """Return up to *most* wanted evaluations on *state*, (question, clock); the caller must `learn` each value."""
        wanted = self.wanted[state]
        taken = [(question, wanted.pop(question)) for question in list(wanted)[:most]]
        if not wanted:
            del self.wanted[state]
        return taken

    def is_wanted(self, question: int, state: int) -> bool:
        """Return whether *question* is wanted on *state* and not yet taken."""
        return question in self.wanted.get(state, ())

    def recalled(self, question: int, state: int, tables: Tables, digest: bytes) -> None:
        """Learn a wanted value that nobody has taken yet (it was recalled, not evaluated)."""
        wanted = self.wanted[state]
        del wanted[question]
        if not wanted:
            del self.wanted[state]
        self.learn(question, state, tables, digest)

    def keep(self, state: int) -> None:
        """Want the values of all questions on *state*, because it must be dropped although it may still be needed."""
        for question, asked in self._questions.items():
            if asked.values.at(state) is None and state not in asked.under_way:
                self._want(question, asked, state, self.history.commit_s[state])

    def is_due(self, state: int) -> bool:
        """Return whether an evaluation on *state* is wanted or running."""
        return self._due[state] > 0

    def gone(self, state: int) -> None:
        """Note that nothing can be evaluated on *state* any more."""
        self._gone.add(state)

    def let_go(self, before_s: float) -> None:
        """Note that no cache holds a value of a state that was superseded before that instant."""
        commit_s = self.history.commit_s
        while self._oldest < self.history.newest and commit_s[self._oldest + 1] < before_s:
            self._oldest += 1

    def needed_from(self) -> int:
        """Return the oldest state that may still be needed."""
        return self._remembered(self._asked_from())

    def detained(self) -> int:
        """Return how many states are needed only for reads that already ended and wait for their verdict."""
        return self._oldest - self._asked_from()

    def _asked_from(self) -> int:
        """Return the oldest state that a cached copy or an open read may need."""
        self._open += Counter()  # this drops the zeros
        return min((self._oldest, *self._open))

    def _remembered(self, oldest: int) -> int:
        """Return *oldest*, or an older state if rows in the project's memory may be older than any cached copy."""
        changed = self.history.ended(self.kept, 0) if self.kept else None
        return min(oldest, self.history.newest if changed is None else changed - 1)

    def _decide(self, asked: _Asked, case: _Case, state: int) -> None:
        """Decide a read, or let it wait. *state* is the state it waited for; values on later states are known."""
        outcome = self._window(asked.values, case) if state >= case.first else None
        if outcome is None:
            outcome = self._past(asked.values, case, min(state, case.first - 1))
        if isinstance(outcome, Verdict):
            self.verdicts.append(outcome)
            self._open[case.oldest] -= 1
        else:
            asked.wait(outcome, case)

    def _window(self, values: Values, case: _Case) -> Verdict | int | None:
        """Return the verdict "fresh", or a state whose value is needed to decide; None if the read is not fresh."""
        missing = []
        state = case.first
        while state <= case.last:
            value = values.at(state)
            if value is None:
                missing.append(state)
                state += 1
            elif value.digest == case.digest:
                return Verdict(case.number)
            else:
                ended = values.ended(value)
                state = case.last + 1 if ended is None else ended
        if missing and self._gone.issuperset(missing):
            return Verdict(case.number, unknown=True)
        return next((state for state in missing if state not in self._gone), None)

    def _past(self, values: Values, case: _Case, state: int) -> Verdict | int:
        """Return since when a read is outdated, or a state (*state* or earlier) whose value is needed to decide."""
        oldest = self._remembered(case.oldest)
        while state >= oldest:
            value = values.at(state)
            if value is None:
                return Verdict(case.number, unknown=True) if state in self._gone else state
            if value.digest == case.digest:
                age_s = case.began_s - self.history.commit_s[state + 1]
                found = Verdict(case.number, stale=True, age_s=age_s, outdated_by=state + 1, behind=case.first - state)
                return found._replace(changed=tuple(_changes(values, value, case.first)))
            state = value.began - 1
        return Verdict(case.number, never_true=True)

    def _want_next(self, question: int, asked: _Asked) -> None:
        """Want one value at a time: it often holds on the other states, too."""
        if not asked.under_way and (following := asked.next()):
            self._want(question, asked, *following)

    def _want(self, question: int, asked: _Asked, state: int, clock_s: float) -> None:
        asked.under_way.add(state)
        self._due[state] += 1
        self.wanted.setdefault(state, {})[question] = clock_s
        self.fresh.append((question, state))


def _changes(values: Values, value: Value, first: int) -> Iterator[int]:
    """Yield the commits after *value* held, up to *first*, that changed the question's value."""
    while (ended := values.ended(value)) is not None and ended <= first:
        following = values.at(ended)
        if following is None or following.digest != value.digest:
            yield ended
        if following is None:  # its snapshot was dropped
            return
        value = following
