"""The report: which backends are examined, what is said of each, and the document of all."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import django

from ..backends import BACKENDS
from ..daemons.session import Servers
from ..daemons.session import servers as private_servers
from ..doctor import Finding, what_is_missing
from ..progress import steps
from .claims import Claim, Verdict, judge
from .claims_known import KNOWN
from .claims_more import MORE
from .claims_outages import OUTAGES
from .claims_signals import SIGNALS
from .observe import STEPS, Conformance, observe
from .stage import Stage
from .table import Table, tables, twins_line

EVERY = tuple(name for name in BACKENDS if name != "shared")  # which is locmem's class on one store
EXPECTED = (*KNOWN, *OUTAGES, *SIGNALS)
LEGEND = """\
Every call was made through Django on the virtual time of a run, 0.75 s into a second, on a key stored 10 s before:
*live* with a timeout of 1000 s, *expired* for 5 s, or *persistent*. `< 10` means gone at 10 s, `≤ 10` still there at
that very instant and gone after it; for ever is longer than 40 days. A live key that is left alone has 990 s to go.
Round trips are commands at the socket, statements in Django's query log for a table, calls of the store's own methods
elsewhere. A call is atomic if some order of two callers explains what both got and left, whenever they met with random
round trips between the parts of their calls: *yes* means that others could come in between, and it made no difference.
*One instant* is one call of the store's own method, which is not interrupted here, so that nothing is known of it. *One
send* is what a client sends at once; whether the server does it as one is the server's affair. What real threads make
of some of these (`add`, `incr`, `set_many`) is among the surprises.
`incr_version` was asked for the version it made. `shared` is locmem's class on one store, and not listed by itself.
"""


class Examined(NamedTuple):
    """What was found out about one backend."""

    found: Conformance
    verdicts: Sequence[Verdict]


def drive(asked: Sequence[str], *, markdown: bool, show: Callable[[str], object]) -> Iterator[Finding]:
    """Show what the backends in *asked* (or all) do; yield what keeps others from running here.

    Args:
        asked: their names; none means all that can run here.
        markdown: whether to show one document at the end, or each backend in its turn.
        show: takes the text.

    Raises:
        UserError: for an unknown backend.
    """
    examined = []
    with private_servers() as servers:
        for name in dict.fromkeys(asked or EVERY):
            missing = what_is_missing(name, optional=not asked)
            if missing is not None:
                yield missing
                continue
            examined.append(examine(name, servers))
            if not markdown:
                show(text(examined[-1]))
    if markdown:
        show(document(examined).rstrip("\n"))


def examine(backend: str, servers: Servers) -> Examined:
    """Find out everything about *backend*, under a progress bar.

    Raises:
        UserError: if something that it needs is not here.
    """
    with steps(STEPS + 1, f"{backend}: async twins") as advance:
        found = observe(backend, servers, lambda part: advance(f"{backend}: {part}"))
        return Examined(found, judge((*EXPECTED, *MORE), Stage(backend, servers), found))


def text(one: Examined) -> str:
    """Return all about one backend, for a terminal."""
    parts = [_heading(one.found), "", *(f"{table.text()}\n" for table in tables(one.found)), twins_line(one.found), ""]
    if one.verdicts:
        parts += [_surprises("Surprises, each put to the test:", [one.verdicts]).text(), ""]
    return "\n".join(parts)


def document(examined: Sequence[Examined]) -> str:
    """Return all about all backends, in Markdown."""
    version = ".".join(map(str, django.VERSION[:2]))
    parts = [
        f"# What the cache backends of Django {version} really do\n",
        "Written by `cachewise doctor --conformance --format markdown`; a test makes it anew and compares.\n",
        LEGEND,
        "## Surprises\n",
    ]
    for title, claims in (("Known ones, put to the test:", EXPECTED), ("More, seen on the way:", MORE)):
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
    """Return the verdicts, those of several backends together where they are alike, in the order of the claims."""
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
