"""Finds from a statement's text which tables it touches: if in doubt, too many rather than too few."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..watch import ALL_TABLES, Tables
from .names import Names, in_postgres, in_sqlite
from .statements import Kind, asks_the_servers_clock, kind_of

MOST_TEXTS = 20_000  # remembered; a text that contains values may never come again
_WORD = re.compile(r"[\w$]+")


class Nature(NamedTuple):
    """What a statement's text tells; `views` is True if it names a view."""

    kind: Kind
    tables: Tables
    views: bool = False
    real_time: bool = False  # it asks PostgreSQL's own clock, which no run moves


class Schema:
    """The tables, views and functions of one database: it tells what a name in a statement may stand for."""

    def __init__(self, place: Mapping[str, Any]) -> None:
        self._place = place
        self.look_again()

    def look_again(self) -> None:
        """Read the names again: they may have changed."""
        found = in_postgres(self._place) if self._place.get("HOST") else in_sqlite(str(self._place["NAME"]))
        views = _resolved({name: _words(text) for name, text in found.views.items()}, found)
        one = {name: frozenset({name}) for name in found.tables}
        self._read: dict[str, Tables] = _by_word({**one, **views, **dict.fromkeys(found.functions, ALL_TABLES)})
        written = {name: _reached(name, found.followed_by) for name in found.tables}
        written |= dict.fromkeys([*found.triggers, *found.functions, *found.views], ALL_TABLES)
        self._written = _by_word(written)
        self._views = _words(" ".join(found.views))
        self._timed = _timed({name.lower(): text for name, text in found.views.items()})
        self._functions = {name.lower() for name in found.functions}
        self._odd = [name for name in self._read if not _WORD.fullmatch(name)]
        self._known: dict[str, Nature] = {}
        self.stamped = found.stamped

    def nature(self, sql: str) -> Nature:
        """Return what *sql* is and which tables it names."""
        known = self._known.get(sql)
        if known is None:
            if len(self._known) >= MOST_TEXTS:
                self._known.clear()
            known = self._look_at(sql)
            if self._place.get("HOST") and (asks_the_servers_clock(sql) or _words(sql) & self._timed):
                known = known._replace(real_time=True)
            self._known[sql] = known
        return known

    def _look_at(self, sql: str) -> Nature:
        kind, words = kind_of(sql), _words(sql)
        words |= {name for name in self._odd if name in sql.lower()}
        if kind == "read" and words & self._functions:
            kind = "write"  # the project's own function may do anything
        if kind == "schema":
            return Nature(kind, ALL_TABLES)
        names = self._read if kind == "read" else self._written
        touched = [names[word] for word in words if word in names]
        if kind != "read":
            touched += [self._read[word] for word in words if word in self._read]
        tables: Tables = frozenset().union(*touched)
        return Nature(kind, ALL_TABLES if tables & ALL_TABLES else tables, views=bool(words & self._views))


def _words(text: str) -> set[str]:
    return {*_WORD.findall(text.lower())}


def _by_word(names: Mapping[str, Tables]) -> dict[str, Tables]:
    found: dict[str, Tables] = {}
    for name, tables in names.items():
        found[name.lower()] = found.get(name.lower(), frozenset()) | tables
    return found


def _resolved(views: Mapping[str, set[str]], found: Names) -> dict[str, Tables]:
    """Return the tables behind each view, also through other views."""
    tables = {name.lower(): name for name in found.tables}
    below = {name.lower(): words for name, words in views.items()}
    functions = {name.lower() for name in found.functions}

    def base(name: str) -> Tables:
        seen, wanted, touched = set[str](), [name.lower()], set[str]()
        while wanted:
            for word in below[wanted.pop()]:
                if word in functions:
                    return ALL_TABLES
                if word in below and word not in seen:
                    seen.add(word)
                    wanted.append(word)
                elif word in tables:
                    touched.add(tables[word])
        return frozenset(touched) or ALL_TABLES

    return {name: base(name) for name in views}


def _timed(views: Mapping[str, str]) -> set[str]:
    """Return the views that ask PostgreSQL for the time, also through other views."""
    found = {name for name, text in views.items() if asks_the_servers_clock(text)}
    while further := {name for name, text in views.items() if _words(text) & found} - found:
        found |= further
    return found


def _reached(name: str, followed_by: Mapping[str, Iterable[str]]) -> Tables:
    reached, wanted = {name}, [name]
    while wanted:
        further = {*followed_by.get(wanted.pop(), ())} - reached
        reached |= further
        wanted += further
    return frozenset(reached)
