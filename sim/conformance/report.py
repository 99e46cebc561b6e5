"""The report: examines backends, and writes the text about one and the document about all."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import django

from ..backends import BACKENDS
from ..daemons.session import Servers
from .claims import Claim, Verdict, judge
from .claims_known import KNOWN
from .claims_more import MORE
from .claims_outages import OUTAGES
from .claims_signals import SIGNALS
from .observe import Conformance, observe
from .stage import Stage
from .table import Table, tables, twins_line

EVERY = tuple(name for name in BACKENDS if name != "shared")  # `shared` is locmem's class on one store
EXPECTED = (*KNOWN, *OUTAGES, *SIGNALS)
LEGEND = """\
Every call was made through Django on the virtual time of a run, 0.75 s into a second, on a key stored 10 s before:
*live* with a timeout of 1000 s, *expired* for 5 s, or *persistent*. `< 10` means gone at 10 s; `≤ 10` means still there
at that very instant, and gone after it; "for ever" is longer than 40 days. Left alone, a live key has 990 s to go.
Round trips are commands at the socket, for a table the statements in Django's query log, elsewhere calls of the store's
own methods. Two callers met many times, with random round trips between the parts of their calls. A call is atomic if
some order of the two always explains all results: *yes* means that others could come in between, without any effect.
*One instant* is one call of the store's own method. It is not interrupted here, so this test tells nothing about it.
*One send* is data that a client sends at once; the server may still split the work. Some of these (`add`, `incr`,
`set_many`) were also tried with real threads: see the surprises.
`incr_version` was asked for the version it made. `shared` is locmem's class on one store, and not listed by itself.
"""


class Examined(NamedTuple):
    """The findings about one backend."""

    found: Conformance
    verdicts: Sequence[Verdict]


def examine(backend: str, servers: Servers, advance: Callable[[str], None] = lambda _next: None) -> Examined:
    """Find out everything about *backend*; *advance* is called with the name of each next step, first the async twins.

    Raises:
        UserError: if something that it needs is not installed.
    """
    found = observe(backend, servers, advance)
    return Examined(found, judge((*EXPECTED, *MORE), Stage(backend, servers), found))


def text(one: Examined) -> str:
    """Return all about one backend, for a terminal."""
    parts = [_heading(one.found), "", *(f"{table.text()}\n" for table in tables(one.found)), twins_line(one.found), ""]
    if one.verdicts:
        parts += [_surprises("Surprises, each tested:", [one.verdicts]).text(), ""]
    return "\n".join(parts)


def document(examined: Sequence[Examined]) -> str:
    """Return all about all backends, in Markdown."""
    version = ".".join(map(str, django.VERSION[:2]))
    parts = [
        f"# What the cache backends of Django {version} really do\n",
        "Written by `cachewise doctor --conformance --format markdown`; a test makes it again and compares.\n",
        LEGEND,
        "## Surprises\n",
    ]
    for title, claims in (("Known ones, tested:", EXPECTED), ("Others, found by the tests:", MORE)):
        mine = [[verdict for verdict in one.verdicts if verdict.claim in claims] for one in examined]
        parts.append(f"{_surprises(title, mine).markdown()}\n")
    for one in examined:
        parts.append(f"## {_heading(one.found)}\n")
        parts += [f"{table.markdown()}\n" for table in tables(one.found)]
        parts.append(f"{twins_line(one.found)}\n")
    return "\n".join(parts)


def _heading(found: Conformance) -> str:
    return f"{found.backend}: {found.cache_class}"


def _surprises(title: str, by_backend: Sequence[Sequence[Verdict]]) -> Table:
    """Return the verdicts in the order of the claims; equal ones of several backends share a row."""
    alike: dict[tuple[Claim, str, str], list[str]] = {}
    for verdict in sorted((one for mine in by_backend for one in mine), key=_place):
        alike.setdefault((verdict.claim, verdict.word, verdict.seen.words), []).append(verdict.backend)
    rows = [
        (", ".join(backends), claim.says, word, seen, claim.decided_by)
        for (claim, word, seen), backends in alike.items()
    ]
    return Table(title, ("backend", "claim", "verdict", "what was seen", "decided by"), rows)


def _place(verdict: Verdict) -> int:
    return (*EXPECTED, *MORE).index(verdict.claim)
