"""Chooses what to run of a scouted project: its variants, and its scenario with the settings of the command line."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from ..application import AS_IT_IS, NO_CACHE
from ..errors import UserError, one_line, unknown
from ..world.scenario import DEFAULTS, Scenario
from .description import MEANINGLESS, Contender, Description


def chosen(description: Description, names: Sequence[str], backends: Iterable[str | None]) -> tuple[Contender, ...]:
    """Return the variants with these *names* (all, if there are none), and the two that are always there.

    Raises:
        UserError: for an unknown name, with the nearest one; for a backend that would lose all sessions at once.
    """
    wanted = {AS_IT_IS, NO_CACHE, *(named(description, name).name for name in names)}
    variants = tuple(one for one in description.variants if one.name in wanted or not names)
    if any(one.users for one in description.functions):
        for backend, one in product(backends, variants):
            _require_sessions(one, backend)
    return variants


def named(description: Description, name: str) -> Contender:
    """Return the variant called *name*.

    Raises:
        UserError: if there is none, with the nearest one.
    """
    known = {one.name: one for one in description.variants}
    if name not in known:
        raise unknown("variant", name, known)
    return known[name]


def scenario_with(declared: Scenario, settings: Mapping[str, str]) -> Scenario:
    """Return the scenario that a file has *declared*, with *settings* (field to text) applied.

    Raises:
        UserError: for a field that an app does not use, in the file or among *settings*; for a value that is not valid.
    """
    for name in MEANINGLESS.keys() & DEFAULTS.keys():
        if getattr(declared, name) != DEFAULTS[name]:
            require_meaning(name, f"SCENARIO {one_line(declared.name)!r}")
    for name, text in settings.items():
        require_meaning(name, one_line(f"{name}={text}"))
    return declared.with_settings(settings)


def require_meaning(name: str, where: str) -> None:
    """Make sure that an app uses a field of a scenario; *where* is the begin of the message.

    Raises:
        UserError: if it does not, with what to use instead.
    """
    if name in MEANINGLESS:
        raise UserError(f"{where}: {name} is not used for an app of your own: {MEANINGLESS[name]}")


def _require_sessions(variant: Contender, backend: str | None) -> None:
    """Make sure that users stay logged in.

    Raises:
        UserError: if sessions are kept in a cache that keeps nothing.
    """
    kept = variant.sessions
    if kept is None or (kept.keeps and not (backend == "dummy" and kept.alias == "default")):
        return
    where = f"{one_line(variant.name)}{f' on {backend}' if backend else ''}"
    raise UserError(
        f"{where}: SESSION_ENGINE {one_line(kept.engine)!r} keeps sessions in CACHES[{one_line(kept.alias)!r}] alone, "
        "which keeps nothing, so nobody could log in; leave it out, or choose another SESSION_ENGINE"
    )
