"""Chooses by name: scenarios, backends and settings as they are typed on the command line."""

import math
import re
import runpy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import scenarios
from ..app.found import experiment_at
from ..backends.entries import SETTINGS
from ..errors import UserError, file_name, one_line, unknown
from ..modules import find_modules_here
from ..own.blame import said_plainly
from ..own.sources import THEIRS
from ..traces.packing import is_named_like_a_trace
from ..traces.trace import load_trace
from ..world.durations import is_time, number, plain, seconds
from ..world.scenario import DEFAULTS, Scenario, plain_text

UNSET: Any = object()  # no timeout was typed, which is not the same as None


SHIPPED = Path(str(scenarios.__file__)).parent  # where the scenarios are that come with cachewise
APP_FILE = "cache_experiment.py"  # the experiment in each project's folder in SHIPPED/apps


@dataclass(frozen=True)
class Choice:
    """A scenario, the timeout in its file (the one that the user's code uses), and whether the file is the user's own.

    `given` names the fields that were set on the command line.
    """

    scenario: Scenario
    timeout: Any = UNSET
    own_file: bool = False
    given: frozenset[str] = frozenset()

    @property
    def has_timeout(self) -> bool:
        """Whether the file names a timeout."""
        return self.timeout is not UNSET


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with cachewise."""
    return sorted(path.stem for path in SHIPPED.glob("*.py") if not path.stem.startswith("_"))


def app_files() -> dict[str, Path]:
    """Return the experiments of the Django projects that come with cachewise, by name: the folder's name and _app."""
    return {f"{path.parent.name}_app": path for path in sorted(SHIPPED.glob(f"apps/*/{APP_FILE}"))}


def choose_scenario(target: str) -> Choice:
    """Return the scenario called *target*, or the one in the file *target*.

    Raises:
        UserError: for an unknown name, a missing file, or a file without a usable SCENARIO.
    """
    if is_named_like_a_trace(target):
        raise UserError(
            f"{one_line(target)} is a trace, not a scenario: cachewise run SCENARIO --trace {one_line(target)}"
        )
    if target.endswith(".py") or "/" in target or "\\" in target:
        path = Path(target)
        return _from_file(path, own_file=path.resolve().parent != SHIPPED.resolve())
    names, apps = scenario_names(), app_files()
    if target in apps:
        raise UserError(f"{target} is a Django project, not a scenario: cachewise run {target}")
    if target not in names:
        hint = f"; to run a file, write ./{target}.py" if Path(f"{target}.py").is_file() else ""
        raise UserError(f"{unknown('scenario', target, [*names, *apps])}{hint}")
    return _from_file(SHIPPED / f"{target}.py", own_file=False)


def scenario_of(
    target: str,
    settings: Sequence[str] | None,
    duration: str | None,
    trace: str | None,
    trace_columns: str | None = None,
) -> Choice:
    """Return the scenario at *target* with ``--trace`` and its columns applied, then ``--set`` and ``--duration``.

    Raises:
        UserError: for a scenario, trace, setting or duration that is not valid.
    """
    texts = with_duration(settings, duration)
    choice = choose_scenario(target)
    scenario = choice.scenario
    if trace is not None or trace_columns is not None:
        scenario = with_trace(scenario, scenario.trace if trace is None else trace, trace_columns)
    changed = choose_settings(texts)
    typed = {"trace": trace, "trace_columns": trace_columns}
    given = {*changed, *(name for name, value in typed.items() if value is not None)}
    return replace(choice, scenario=scenario.with_settings(changed), given=frozenset(given))


def with_duration(settings: Sequence[str] | None, duration: str | None) -> list[str]:
    """Return the scenario's settings with those that ``--duration`` stands for.

    Raises:
        UserError: for a duration that is not valid, or if ``--set`` gives one, too.
    """
    if duration is None:
        return [*(settings or [])]
    duration_s = seconds("--duration", duration)
    if duration_s <= 0:
        raise UserError(f"--duration {one_line(duration)}: it must be more than 0")
    if any(text.partition("=")[0].strip() == "duration_s" for text in settings or ()):
        raise UserError(f"--duration {one_line(duration)} and --set duration_s=... are the same: give one of them")
    return [*(settings or []), f"duration_s={plain(duration_s)}"]


def _from_file(path: Path, *, own_file: bool) -> Choice:
    where = file_name(path)
    if path.suffix != ".py":
        raise UserError(f"{where}: a scenario must be a Python file, ending in .py")
    if not path.is_file():
        raise UserError(f"{where}: no such scenario file; `cachewise init` writes one")
    if experiment_at(str(path)) is not None:
        typed = where if "/" in where else f"./{where}"
        raise UserError(f"{where}: it is an experiment of an own app, which runs with: cachewise run {typed}")
    if own_file:
        find_modules_here()
        THEIRS[str(path)] = where
    with said_plainly(where):
        names = _names_in(path)
    scenario, timeout = names.get("SCENARIO"), names.get("TIMEOUT", UNSET)
    if not isinstance(scenario, Scenario):
        found = "none" if scenario is None else f"a {type(scenario).__name__}"
        raise UserError(f"{where}: it must define SCENARIO = Scenario(...); it has {found}")
    if timeout is not UNSET and not _is_timeout(timeout):
        raise UserError(f"{where}: TIMEOUT = {one_line(repr(timeout), 40)}: it must be seconds, 0 or more, or None")
    return Choice(scenario, timeout, own_file)


def _is_timeout(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (number and 0 <= value < math.inf)


def _names_in(path: Path) -> dict[str, Any]:
    """Run a scenario's file and return its names; for an unknown field of Scenario, name the nearest one."""
    try:
        return runpy.run_path(str(path), run_name="cachewise_scenario")
    except TypeError as error:
        found = re.search(r"Scenario\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
        if found is None:
            raise
        raise unknown("scenario field", found[1], DEFAULTS).with_traceback(error.__traceback__) from None


def number_or_none(where: str, name: str, text: str) -> float | None:
    """Return the number typed for the value called *name*, in seconds if that is a time; None for ``none``.

    Raises:
        UserError: for anything else.
    """
    if text.strip().lower() in ("none", "null"):
        return None
    try:
        value = seconds(where, text) if is_time(name) else number(where, text)
    except UserError as error:
        raise UserError(f"{error}, or none" if is_time(name) else f"{error}; write a number, or none") from None
    return int(value) if value.is_integer() else value


def choose_backends(
    names: Sequence[str] | None, files: Sequence[str] | None, settings_modules: Sequence[str] | None
) -> list[str]:
    """Return all backends that were asked for, as `cachewise.sim.backends.backend_named` takes them.

    Raises:
        UserError: for a file that is not TOML, or a file in the place of a module.
    """
    for file in files or ():
        if not file.endswith(".toml"):
            raise UserError(
                f"--backend-settings {file_name(file)}: it must be a TOML file, FILE.toml; "
                "a settings module goes with --settings MODULE"
            )
    for named in settings_modules or ():
        module, colon, alias = named.partition(":")
        if module.endswith((".py", ".toml")) or "/" in module:
            relative = module.removeprefix("./").removesuffix(".py")
            dotted = relative.replace("/", ".") if relative[:1] not in "/." else "shop.settings for shop/settings.py"
            right = f"--backend-settings {module}" if module.endswith(".toml") else f"--settings {dotted}{colon}{alias}"
            raise UserError(f"--settings {file_name(named)} is a file, not a module; write {one_line(right)}")
    return [*(names or ()), *(files or ()), *(f"{SETTINGS}{module}" for module in settings_modules or ())]


def choose_timeout(text: str) -> float | None:
    """Return a timeout as typed, in seconds; ``none``, which means for ever, is None."""
    timeout = number_or_none("timeout", "timeout", text)
    if timeout is not None and timeout < 0:
        raise UserError(f"timeout {one_line(text)}: it must be 0 or more, or none")
    return timeout


def choose_settings(texts: Iterable[str]) -> dict[str, str]:
    """Return ``field=value`` texts as a mapping, with times in seconds.

    Raises:
        UserError: for an unknown field, with the nearest one; for a time that is not valid.
    """
    settings: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name.strip() in ("trace", "trace_columns"):
            option = "--trace FILE" if name.strip() == "trace" else "--trace-columns NAME=COLUMN,..."
            raise UserError(f"--set {one_line(text)}: write {option}")
        if name.strip().lower() == "timeout":
            raise UserError(f"--set {one_line(text)}: the timeout belongs to the strategies; write --timeout DURATION")
        if name.strip() not in DEFAULTS:
            raise unknown("scenario field", name.strip(), DEFAULTS)
        if not equals:
            raise UserError(f"--set {one_line(text)}: write --set {name}=VALUE")
        settings[name.strip()] = plain_text(name.strip(), value)
    return settings


def with_trace(scenario: Scenario, path: str | None, columns: str | None) -> Scenario:
    """Return *scenario* with the trace at *path*; fields that the trace replaces go back to their defaults.

    Raises:
        UserError: for a file that is not a trace, or columns without a trace.
    """
    if path is None:
        raise UserError("--trace-columns names the columns of a trace, and there is none: add --trace FILE")
    known = {name: DEFAULTS[name] for name in load_trace(path, columns).fields if name != "value_bytes"}
    return replace(scenario, trace=path, trace_columns=columns, **known)
