"""Shell completion: the texts that are possible at the cursor. Imports are late, so that only Tab takes their time."""

import ast
import os
import re
from collections.abc import Mapping
from pathlib import Path

HALF_WIDTHS = {"ratio": "0.002", "s": "10ms"}  # examples of a 95% interval's half-width, by the unit of the figure
LIMITS = {"ratio": "1%", "s": "2s"}


def scenarios() -> list[str]:
    """Return the scenarios and the projects that come with cachewise; files are completed by the shell."""
    from .choose import app_files, scenario_names

    return [*scenario_names(), *app_files()]


def strategies(incomplete: str) -> list[str]:
    """Return the strategies by name; after ``NAME:`` the parameters of that one."""
    from ...strategies import STRATEGIES
    from ..own.offers import offers
    from .choose_strategy import parameters_of

    name, colon, _ = incomplete.partition(":")
    if not colon:
        return [*STRATEGIES, *(one.name for one in offers())]
    if name not in STRATEGIES:
        return []
    known = {f"{name}:{param}": str(default) for param, default in parameters_of(STRATEGIES[name]).items()}
    return _with_values(known, incomplete)


def backends() -> list[str]:
    """Return the backends by name."""
    from ..backends import BACKENDS

    return list(BACKENDS)


def families() -> list[str]:
    """Return the kinds of databases."""
    from ..project.databases.families import PLAIN

    return list(PLAIN)


def latencies() -> list[str]:
    """Return the latencies of a scenario."""
    from ..world.scenario import LATENCIES

    return [*LATENCIES, "all", "none"]


def variants() -> list[str]:
    """Return the variants in the file of an own app, which is read, but not run."""
    from .choose import app_files

    # typer does not parse the words before an option without a value, but the shell has passed them on.
    typed = f"{os.environ.get('COMP_WORDS', '')} {os.environ.get('_TYPER_COMPLETE_ARGS', '')}".split()
    files = [app_files().get(word, Path(word)) for word in typed if word in app_files() or word.endswith(".py")]
    names = [name for file in files[:1] for name in _variants_in(file)]
    is_bash = os.environ.get("_CACHEWISE_COMPLETE") == "complete_bash"  # the only shell that does not quote by itself
    return [re.sub(r"([^\w./-])", r"\\\1", name) if is_bash else name for name in names]


def fields(incomplete: str) -> list[str]:
    """Return the fields of a scenario that ``--set`` takes."""
    from ..world.scenario import DEFAULTS

    known = {name: _text(value) for name, value in DEFAULTS.items() if name not in ("why", "trace", "trace_columns")}
    return _with_values(known, incomplete)


def axes(incomplete: str) -> list[str]:
    """Return what ``--vary`` takes: the fields of a scenario, the timeout, and the parameters of the strategies."""
    from ...strategies import STRATEGIES
    from ..world.scenario import DEFAULTS
    from .choose_strategy import parameters_of

    known = {"timeout": "30s,1m,10m", **{name: f"{_text(value)}," for name, value in DEFAULTS.items() if name != "why"}}
    if ":" in incomplete:
        known = {
            f"{name}:{param}": f"{default},"
            for name, strategy in STRATEGIES.items()
            for param, default in parameters_of(strategy).items()
        }
    return _with_values(known, incomplete)


def limits(incomplete: str) -> list[str]:
    """Return the figures that ``--max`` can limit."""
    from ..verdict.metrics import METRICS, limitable

    return _with_values({name: LIMITS.get(METRICS[name].unit, "100") for name in limitable(METRICS)}, incomplete)


def precisions(incomplete: str) -> list[str]:
    """Return the figures that ``--precision`` takes; it takes several, with commas between."""
    from ..verdict.metrics import MACHINE_METRICS, METRICS

    before, comma, last = incomplete.rpartition(",")
    known = {name: HALF_WIDTHS.get(one.unit, "1") for name, one in METRICS.items() if name not in MACHINE_METRICS}
    return [f"{before}{comma}{one}" for one in _with_values(known, last, ":")]


def _with_values(known: Mapping[str, str], incomplete: str, sign: str = "=") -> list[str]:
    """Return ``name=`` for each name that begins with *incomplete*; if there is only one, also an example with a value.

    A shell adds a blank after a single candidate, but here the value must follow.
    """
    names = [name for name in known if name.startswith(incomplete)]
    return [f"{name}{sign}{value}" for name in names for value in ("", known[name])[: 2 if len(names) == 1 else 1]]


def _text(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _variants_in(file: Path) -> list[str]:
    """Return the names in all ``APP.variant("name", ...)`` of a file."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return []
    return [name for call in ast.walk(tree) if isinstance(call, ast.Call) for name in _named_in(call)]


def _named_in(call: ast.Call) -> list[str]:
    is_one = isinstance(call.func, ast.Attribute) and call.func.attr == "variant"
    return [
        one.value for one in call.args[:1] if is_one and isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
