"""The template for a scenario file: it has comments and is filled in from answers, each of which is checked."""

import os
import shlex
from pathlib import Path
from textwrap import wrap
from typing import Any

from ..errors import UserError, file_name
from ..processes.interrupts import interrupts_held
from ..world.scenario import DEFAULTS, LATENCIES, MEANINGS, Scenario
from .choose import choose_timeout

QUESTIONS: dict[str, tuple[str, Any]] = {
    "reads_per_s": ("How many cached reads a second?", 50.0),
    "writes_per_s": ("How many changes to that data a second?", 0.1),
    "keys": ("How many different keys?", 2000),
    "timeout": ("Which timeout does your code pass to cache.set (such as 10m, or none)?", "300"),
    "value_bytes": ("How many bytes is a cached value?", 256),
    "workers": ("How many worker processes?", 4),
    "threads": ("How many threads in each?", 4),
    "db_read_s": ("How long does the query take that the cache saves (such as 5ms, or lognormal:5ms:0.6)?", "0.005"),
    "transaction_tail_s": ("How long from the save to the commit (such as 200ms; 0 without ATOMIC_REQUESTS)?", "0"),
}
HINTS = {
    "read_popularity": "uniform | zipf:ALPHA | hotspot:SHARE_OF_KEYS:SHARE_OF_TRAFFIC",
    "write_popularity": "the same forms, or same",
    "arrivals": "poisson | bursts:FACTOR:ON_S:OFF_S | daily:AMPLITUDE:PERIOD_S | flash:FACTOR:AT_S:DECAY_S",
    "db_commit_s": "seconds, or exponential:MEAN_S | lognormal:MEDIAN_S:SIGMA | uniform:LOW_S:HIGH_S",
    "max_entries": "write the MAX_ENTRIES of your settings, if they name one",
    "trace": '"requests.csv" with the columns time_s,key[,op,size_bytes], or an access log as it is',
}
SHOWN: tuple[str, ...] = (
    "keys",
    "read_popularity",
    "write_popularity",
    "reads_per_s",
    "writes_per_s",
    "rollback_ratio",
    "arrivals",
    "duration_s",
    "warmup_s",
)
SHOWN += (*LATENCIES, "value_bytes", "max_entries", "workers", "threads", "db_connections", "trace", "trace_columns")


def check_place(path: Path, *, force: bool, kind: str = "scenario") -> None:
    """Make sure that a file of this *kind* can have this name.

    Raises:
        UserError: if it cannot, or if the file exists (unless *force*).
    """
    if path.suffix != ".py":
        article = "an" if kind[0] in "aeiou" else "a"
        raise UserError(
            f"{file_name(path)}: {article} {kind} file ends in .py; try {file_name(path.with_suffix('.py'))}"
        )
    if path.exists() and not force:
        raise UserError(f"{file_name(path)} is there already; name another file, or add --force to overwrite it")


def checked_answer(name: str, answer: str) -> str:
    """Return an *answer* to the question called *name* as it was typed.

    Raises:
        BadParameter: if it is not valid; then typer asks again.
    """
    import typer

    try:
        if name == "timeout":
            choose_timeout(answer)
        else:
            Scenario("this answer", **{name: _number_if_it_is_one(answer)})
    except UserError as error:
        raise typer.BadParameter(str(error).partition(": ")[2] or str(error)) from None
    return answer


def typed_path(path: Path) -> str:
    """Return a path in a form that the command line takes for a path, not for a name."""
    return str(path) if path.is_absolute() or os.sep in str(path) else f".{os.sep}{path}"


def run_line(path: Path) -> str:
    """Return the command that runs the scenario file at *path*."""
    return shlex.join(["cachewise", "run", typed_path(path), "--seeds", "5", "--out", f"out/{path.stem}"])


def write_scenario(path: Path, answers: dict[str, Any], *, force: bool) -> None:
    """Write a scenario file to *path*; answers that are left out take the defaults of the questions.

    Raises:
        UserError: if an answer is not valid, or the file exists (unless *force*) or cannot be written.
    """
    check_place(path, force=force)
    values = {name: default for name, (_question, default) in QUESTIONS.items()} | answers
    timeout = choose_timeout(str(values.pop("timeout")))
    typed = {name: _number_if_it_is_one(value) for name, value in values.items()}
    typed |= _times(timeout)
    scenario = Scenario(path.stem, why="my own workload", **typed)  # validates before anything is written
    write_text(path, _text(scenario, timeout))


def write_text(path: Path, text: str) -> None:
    """Write *text* to *path*, all of it or nothing.

    Raises:
        UserError: if it cannot be written.
    """
    try:
        with interrupts_held():  # so that no signal leaves half a file
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file_name(path)}: cannot be written: {error.strerror}") from None


def _times(timeout: float | None) -> dict[str, float]:
    """Return a warm-up of one timeout and a measured time of two, so that entries expire; an hour at most."""
    cycle_s = min(timeout or 0, 1200)
    return {"warmup_s": max(DEFAULTS["warmup_s"], cycle_s), "duration_s": max(DEFAULTS["duration_s"], 2 * cycle_s)}


def _number_if_it_is_one(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if number.is_integer() else number


def _text(scenario: Scenario, timeout: float | None) -> str:
    lines = []
    for name in SHOWN:
        value = getattr(scenario, name)
        comment = f"{MEANINGS[name]}; {HINTS[name]}" if name in HINTS else MEANINGS[name]
        prefix = "    # " if value is None or (name not in QUESTIONS and value == DEFAULTS[name]) else "    "
        lines += wrap(comment, 120, initial_indent="    # ", subsequent_indent="    # ")
        lines.append(f"{prefix}{name}={value!r},")
    fields = "\n".join(lines)
    return f'''"""My own workload. Change every value that differs from yours; lines with a # show the default.

Run it:    cachewise run ./{scenario.name}.py --seeds 5 --out out/{scenario.name}
"""

from cachewise import Scenario

# The timeout that my code passes to cache.set; strategies use it unless --strategy or --timeout gives another.
TIMEOUT = {timeout!r}

SCENARIO = Scenario(
    {scenario.name!r},
    why={scenario.why!r},
{fields}
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
'''
