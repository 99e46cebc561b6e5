"""The findings of the doctor: whether everything is there and works, and what the backends really do."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import ClassVar, cast

from ..backends import BACKENDS, backend_named
from ..conformance.observe import STEPS
from ..conformance.report import EVERY, Examined, document, examine, text
from ..contract import Bound, Costs, Row, Site
from ..daemons.programs import HISTOGRAM, TIME_MACHINE, Library, Needed, mend_of
from ..daemons.session import Servers
from ..daemons.session import servers as private_servers
from ..errors import UserError, one_line
from ..processes.interrupts import raise_if_received
from ..runner import run
from ..world.scenario import Scenario
from .progress import steps

FURTHER = {"bench and verify": HISTOGRAM, "own apps": TIME_MACHINE}  # libraries that no backend needs


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, and what was found; `mend` says what to do, and is empty if all is well."""

    what: str
    found: str
    mend: str = ""
    optional: bool = False

    @property
    def verdict(self) -> str:
        """One word: ok, absent (not everybody needs it), or PROBLEM."""
        if not self.mend:
            return "ok"
        return "absent" if self.optional else "PROBLEM"


@dataclass(frozen=True)
class _Probe:
    """A strategy that touches the cache on every read and write."""

    name: ClassVar[str] = "probe"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=2, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        return cast("Row", site.cache.get_or_set(key, lambda: site.db.read(key), 60))

    def write(self, site: Site, key: str) -> None:
        site.db.write(key)
        site.cache.delete(key)


def check_up() -> Iterator[Finding]:
    """Yield the findings, one at a time."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", python, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")
    yield from _packages()
    yield _temporary_folder()
    for name in BACKENDS:
        yield _backend(name)
    yield from (_library(*pair) for pair in FURTHER.items())
    absent = dict.fromkeys(one for one in (*_needed(), *FURTHER.values()) if one.find() is None)
    if len(absent) > 1:
        yield Finding("all of these", "one command installs them", mend_of(list(absent)), optional=True)


def _library(what: str, needed: Library) -> Finding:
    if needed.find() is None:
        return Finding(what, f"not installed: {needed.package}", needed.mend, optional=True)
    return Finding(what, f"{needed.package} {version(needed.package)}")


def _needed() -> Iterator[Needed]:
    for backend in BACKENDS.values():
        yield from backend.needs


def _packages() -> Iterator[Finding]:
    try:
        needed = [line for line in requires("cachewise") or [] if "extra ==" not in line]
    except PackageNotFoundError:
        yield Finding("cachewise", "not installed", "python -m pip install -e .")
        return
    for line in needed:
        name = line.split(">=")[0].strip()
        try:
            yield Finding(distribution(name).metadata["Name"], version(name))
        except PackageNotFoundError:
            yield Finding(name, "not installed", f"python -m pip install {name}")


def _temporary_folder() -> Finding:
    try:
        with tempfile.TemporaryDirectory(prefix="cachewise-") as folder:
            return Finding("temporary folder", str(Path(folder).parent))
    except OSError as error:
        return Finding("temporary folder", one_line(error), "set TMPDIR to a folder you can write to")


def _what_is_missing(name: str, *, optional: bool = True) -> Finding | None:
    """Return a finding if anything that the backend called *name* needs is missing.

    Raises:
        UserError: for an unknown backend, with the nearest one.
    """
    missing = [one for one in backend_named(name).needs if one.find() is None]
    if not missing:
        return None
    names = ", ".join(one.called for one in missing)
    return Finding(f"backend {name}", f"not installed: {names}", mend_of(missing), optional=optional)


def _backend(name: str) -> Finding:
    """Run a few hundred requests on the backend and see that they were judged."""
    absent = _what_is_missing(name)
    if absent is not None:
        return absent
    scenario = Scenario("doctor", keys=5, reads_per_s=50, writes_per_s=5, duration_s=5, warmup_s=1)
    try:
        summary = run(scenario, _Probe(), backend=name, seed=1).summary
    except Exception as error:  # noqa: BLE001 - the doctor reports any error and goes on
        raise_if_received()
        found = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}"
        return Finding(f"backend {name}", found, "see the message")
    judged = f"{summary['reads']:,.0f} reads judged, hit ratio {summary['hit_ratio']:.0%}"
    expected = summary["hits"] == 0 if name == "dummy" else summary["hits"] > 0
    healthy = summary["reads"] > 0 and expected
    return Finding(f"backend {name}", judged, "" if healthy else "run `make test` and report what fails")


def drive(asked: Sequence[str], *, markdown: bool, show: Callable[[str], object]) -> Iterator[Finding]:
    """Show what the backends in *asked* (or all) do; yield a finding for each that cannot run here.

    Args:
        asked: their names; none means all that can run here.
        markdown: whether to show one document at the end, or each backend as it is done.
        show: is called with the text.

    Raises:
        UserError: for an unknown backend.
    """
    examined = []
    with private_servers() as servers:
        for name in dict.fromkeys(asked or EVERY):
            missing = _what_is_missing(name, optional=not asked)
            if missing is not None:
                yield missing
                continue
            examined.append(_examined(name, servers))
            if not markdown:
                show(text(examined[-1]))
    if markdown:
        show(document(examined).rstrip("\n"))


def _examined(backend: str, servers: Servers) -> Examined:
    """Examine *backend* under a progress bar."""
    with steps(STEPS + 1, f"{backend}: async twins") as advance:
        return examine(backend, servers, lambda part: advance(f"{backend}: {part}"))
