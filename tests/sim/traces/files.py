"""What the tests of traces share: a file is written, and read as a trace."""

from pathlib import Path

import pytest

from cachewise import UserError
from cachewise.sim.traces.trace import Trace, load_trace

Request = tuple[float, str, str]


def loaded(folder: Path, content: bytes, name: str = "trace.csv", columns: str | None = None) -> Trace:
    """Return the trace that *content* is."""
    path = folder / name
    path.write_bytes(content)
    return load_trace(str(path), columns)


def requests(trace: Trace) -> list[Request]:
    """Return each request: when, for which key, and whether it reads or writes."""
    kinds = ["write" if one else "read" for one in trace.is_write]
    return [
        (at_s, trace.key_names[code], kind)
        for at_s, code, kind in zip(trace.time_s.tolist(), trace.key_code, kinds, strict=True)
    ]


def refusal(folder: Path, content: bytes, name: str = "trace.csv", columns: str | None = None) -> str:
    """Return the line that *content* is refused with, without the name of the file."""
    with pytest.raises(UserError) as caught:
        loaded(folder, content, name, columns)
    line = str(caught.value)
    assert "\n" not in line
    return line.partition(f"{name}: ")[2] or line
