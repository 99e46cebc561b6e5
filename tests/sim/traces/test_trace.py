"""Traces: replayed exactly; broken ones are answered with one line that names the row."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cachewise import Scenario, UserError, run
from cachewise.sim.command.choose import with_trace
from cachewise.sim.traces.operations import FILL, KINDS, NOTHING, READ
from cachewise.sim.traces.trace import load_trace
from cachewise.sim.world.scenario import DEFAULTS
from cachewise.sim.world.workload import build_workload
from cachewise.strategies import NoCache
from tests.helpers import rows
from tests.sim.traces.files import loaded

PLAIN = b"time_s,key\n0.5,a\n1.25,b\n1.25,a\n4,c\n"


def replayed(folder: Path, content: bytes, **changed: Any) -> Scenario:
    """Return a scenario that replays *content*."""
    path = folder / "replayed.csv"
    path.write_bytes(content)
    return Scenario("replayed", trace=str(path), **{"warmup_s": 0, "writes_per_s": 0, **changed})


def test_a_trace_is_replayed_exactly(tmp_path: Path) -> None:
    """Every row arrives at its own time, counted from the first row, for its own key."""
    result = run(replayed(tmp_path, PLAIN), NoCache())
    assert rows(result.reads, "arrival_s", "key") == [(0.0, "a"), (0.75, "b"), (0.75, "a"), (3.5, "c")]


def test_so_many_surely_come(tmp_path: Path) -> None:
    """The requests of a trace are counted, those within the time that is used; synthetic writes are Poisson."""
    content = b"time_s,key,op\n0,a,get\n1,a,cas\n2.25,b,get\n2.25,b,get\n3,a,cas\n4,a,get\n5,a,cas\n6,a,get\n"
    workload = build_workload(replayed(tmp_path, content, duration_s=5), 0)
    assert [workload.reads.surely_from(at_s) for at_s in (0, 2.25, 2.5)] == [4, 3, 1]
    assert (workload.writes.surely_from(0), workload.writes.surely_from(3)) == (2, 1)
    synthetic = build_workload(replayed(tmp_path, PLAIN, writes_per_s=1000), 0).writes
    assert synthetic.surely_from(0) == int(3500 - 10 * np.sqrt(3500))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_formats_agree(tmp_path: Path, name: str) -> None:
    """CSV, gzipped CSV and Parquet of the same rows are the same trace."""
    path = tmp_path / name
    frame = pd.DataFrame({"key": ["7", "b", "7"], "time_s": [3.0, 3.5, 9.0], "op": ["get", "SET", "gets"]})
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    trace = load_trace(str(path))
    assert (trace.time_s.tolist(), trace.key_names) == ([0.0, 0.5, 6.0], ["7", "b"])
    assert (trace.key_code.tolist(), trace.is_write.tolist()) == ([0, 1, 0], [False, True, False])


def test_twitters_format(tmp_path: Path) -> None:
    """Seven columns and no header: sizes and timeouts are read, stamps are whole seconds."""
    trace = loaded(tmp_path, b"10,k1,5,100,1,get,0\n10,k2,5,0,1,set,300\n12,k1,5,7,2,cas,100\n")
    assert (trace.time_s.tolist(), trace.whole_seconds, trace.end_s) == ([0.0, 0.0, 2.0], True, 3.0)
    assert (trace.is_write.tolist(), trace.size_bytes.tolist()) == ([False, True, True], [100, 0])
    assert "median 200 s" in " ".join(trace.notes)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_headers_are_forgiving(tmp_path: Path, bom: bytes, end: bytes) -> None:
    """Spaces after commas, Windows line ends and a byte order mark are no errors."""
    trace = loaded(tmp_path, bom + b"time_s, key".replace(b"\n", end) + end + b"0, a" + end + b"0.5, NA" + end)
    assert (trace.key_names, trace.time_s.tolist()) == (["a", "NA"], [0.0, 0.5])


def test_operations(tmp_path: Path) -> None:
    """Reads read; the rest writes; a set or add right after a read of the same key is a fill and left out."""
    for op, kind in KINDS.items():
        trace = loaded(tmp_path, f"time_s,key,op\n0.5,a,get\n1,b,{op.title()}\n".encode())
        assert trace.is_write.tolist() == [False, *{READ: [False], FILL: [], NOTHING: []}.get(kind, [True])], op
    fills = b"time_s,key,op\n0,a,get\n0.5,a,set\n1.5,a,set\n2,b,get\n2.5,a,add\n2.6,b,add\n9,a,get\n10.1,a,add\n"
    trace = loaded(tmp_path, fills)
    # The set at 1.5 follows a set, the add at 10.1 comes too late, and that at 2.5 has no read of its key before it.
    assert trace.notes[0].startswith("2 of the trace's 5 set and add requests came right after a read of the same key")
    assert trace.time_s[trace.is_write].tolist() == [1.5, 2.5, 10.1]


def test_whole_seconds_are_spread_in_order(tmp_path: Path) -> None:
    """Requests stay in their second and in their recorded order; another seed spreads them elsewhere."""
    lines = [f"{second},k{number}" for second in range(20) for number in range(50)]
    scenario = replayed(tmp_path, ("time_s,key\n" + "\n".join(lines)).encode())
    first, second = (run(scenario, NoCache(), seed=seed).reads for seed in (1, 2))
    assert [f"{int(at_s)},{key}" for at_s, key in zip(first["arrival_s"], first["key"], strict=True)] == lines
    assert first["arrival_s"].is_monotonic_increasing
    assert not first["arrival_s"].equals(second["arrival_s"])
    fractions = first["arrival_s"] % 1
    assert abs(fractions.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(fractions))
    assert "whole seconds" in " ".join(build_workload(scenario, 1).notes)


def test_trace_speed(tmp_path: Path) -> None:
    """At twice the speed everything comes in half the time, and the traffic stops earlier."""
    slow, fast = (run(replayed(tmp_path, PLAIN, trace_speed=speed), NoCache()) for speed in (1, 2))
    assert (fast.reads["arrival_s"] * 2).tolist() == slow.reads["arrival_s"].tolist()
    assert (slow.measured_s, fast.measured_s) == (3.5, 1.75)


def test_synthetic_writes_are_said(tmp_path: Path) -> None:
    """Without writes of its own a trace gets Poisson ones, at the rate asked for, and a note says so."""
    content = b"time_s,key\n" + b"".join(b"%d.5,k%d\n" % (at, at % 7) for at in range(2000))
    result = run(replayed(tmp_path, content, writes_per_s=2, duration_s=1e6), NoCache())
    assert any("they are synthetic, Poisson at 2 a second" in note for note in result.notes)
    assert abs(len(result.writes) - 4000) < 4 * np.sqrt(4000)
    own = run(replayed(tmp_path, b"time_s,key,op\n0.5,a,get\n1,a,cas\n2,b,get\n", writes_per_s=0), NoCache())
    assert rows(own.writes, "arrival_s", "key") == [(0.5, "a")]
    assert not any("synthetic" in note for note in own.notes)


@pytest.mark.parametrize("setting", [{"writes_per_s": 50}, {"write_popularity": "same"}])
def test_synthetic_writes_beside_recorded_ones_are_refused(tmp_path: Path, setting: dict[str, Any]) -> None:
    """A knob that would do nothing is not accepted; `with_trace` takes it out."""
    scenario = replayed(tmp_path, b"time_s,key,op\n0.5,a,get\n1,a,cas\n2,b,get\n", **setting)
    (name,) = setting
    with pytest.raises(UserError, match=rf"{name}=.*: the trace has writes of its own; leave it out$"):
        run(scenario, NoCache())
    cleared = with_trace(Scenario("s", **setting), str(scenario.trace), None)
    assert getattr(cleared, name) == DEFAULTS[name]


def test_notes_on_length_and_timeouts(tmp_path: Path) -> None:
    """What was cut off, what ended early, and timeouts that are not used are said."""
    cut = build_workload(replayed(tmp_path, PLAIN, duration_s=2), 0)
    assert cut.notes[0] == "of the trace's 4 s the first 2 s are used"
    early = build_workload(replayed(tmp_path, PLAIN, duration_s=100, warmup_s=1), 0)
    assert early.notes[0] == "the trace ends at 3.5 s: 2.5 s are measured"
    timed = build_workload(replayed(tmp_path, b"time_s,key,timeout_s\n0,a,60\n1.5,b,\n"), 0)
    assert any("median 60 s" in note for note in timed.notes)


def test_sizes_are_payloads(tmp_path: Path) -> None:
    """A key's first size is its row's payload."""
    sizes = []
    scenario = replayed(tmp_path, b"time_s,key,size_bytes\n0,a,10\n0.5,b,20\n1,a,99\n")
    from tests.helpers import Custom

    def read(site: Any, key: str) -> Any:
        row = site.db.read(key)
        sizes.append((key, len(row.payload)))
        return row

    run(scenario, Custom(read))
    assert sizes == [("a", 10), ("b", 20), ("a", 10)]


GZ = gzip.compress(b"time_s,key\n" + b"".join(b"%d.5,%032x\n" % (at, at**9) for at in range(900)))
BROKEN: dict[str, tuple[str, bytes, str]] = {
    "no rows": ("t.csv", b"time_s,key\n", "no rows"),
    "empty file": ("t.csv", b"", "the file is empty"),
    "blank lines": ("t.csv", b"\n\n\n", "the file is empty"),
    "empty gz": ("t.csv.gz", b"", "the file is empty"),
    "cut gz": ("t.csv.gz", GZ[: len(GZ) // 2], "cannot be read: Compressed file ended before"),
    "broken gz": ("t.csv.gz", GZ[:400] + b"\0\0\0\0" + GZ[404:], "cannot be read: "),
    "text for a time": ("t.csv", b"time_s,key\n0.5,a\nsoon,b\n", "row 2: time_s is 'soon', not a finite number"),
    "NaN": ("t.csv", b"time_s,key\n0.5,a\nnan,b\n", "row 2: time_s is 'nan', not a finite number"),
    "infinity": ("t.csv", b"time_s,key\n-inf,a\n1,b\n", "row 1: time_s is '-inf', not a finite number"),
    "1e400": ("t.csv", b"time_s,key\n0,a\n1e400,b\n", "row 2: time_s is 'inf', not a finite number"),
    "400 digits": ("t.csv", b"time_s,key\n0,a\n" + b"9" * 400 + b",b\n", "row 2: time_s is '99999999"),
    "milliseconds": (
        "t.csv",
        b"time_s,key\n1700000000123,a\n",
        "row 1: time_s=1.7e+12 is too large; is it in seconds?",
    ),
    "no time": ("t.csv", b"time_s,key\n0.5,a\n,b\n", "row 2 has no time_s"),
    "no key": ("t.csv", b"time_s,key\n0.5,a\n1.5,\n", "row 2 has no key"),
    "no op": ("t.csv", b"time_s,key,op\n0.5,a,get\n1.5,b\n", "row 2 has no op"),
    "going back": (
        "t.csv",
        b"time_s,key\n0.5,a\n2,b\n1.5,c\n",
        "row 3: time goes backwards (2 s, then 1.5 s); sort the file by time_s",
    ),
    "unknown op": ("t.csv", b"time_s,key,op\n0.5,a,gte\n", "row 1: unknown operation 'gte'; did you mean 'getex'?"),
    "negative size": ("t.csv", b"time_s,key,size_bytes\n0.5,a,-1\n", "row 1: size_bytes=-1 must lie between"),
    "text for a size": ("t.csv", b"time_s,key,size_bytes\n0.5,a,big\n", "row 1: size_bytes is 'big', not a finite"),
    "text for a timeout": ("t.csv", b"time_s,key,timeout_s\n0,a,x\n", "row 1: timeout_s is 'x', not a finite number"),
    "no reads": ("t.csv", b"time_s,key,op\n0.5,a,cas\n", "no reads, only 1 writes"),
    "other columns": (
        "t.csv",
        b"when,key\n1,a\n",
        "no column 'time_s' (found: when, key); a trace needs time_s,key[",
    ),
    "no header": ("t.csv", b"0.5,a\n1,b\n", "the first line is neither a header with time_s,key nor Twitter's seven"),
    "empty Parquet": ("t.parquet", b"", "cannot be read: "),
    "surplus values": ("t.csv", b"time_s,key\n0.5,17,\n1,18,\n", "the first row has more values than the header"),
    "a long row": ("t.csv", b"time_s,key\n0.5,17\n1,18,3\n", "cannot be read: Error tokenizing data"),
    "an open quote": ("t.csv", b'time_s,key\n0.5,"a\n1,b\n', "cannot be read: Error tokenizing data"),
    "not UTF-8": ("t.csv", b"time_s,key\n0.5,\xff\n", "row 1 is not UTF-8 text: b'0.5,\\xff'"),
    "not Parquet": ("t.parquet", b"PAR1, they said", "cannot be read: "),
    "a short Twitter row": ("t.csv", b"0,k,1,2,3,get,0\n1,k,1,2,3\n", "row 2 has no op"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_traces(tmp_path: Path, case: str) -> None:
    """Each broken file is one line that names the file, the row where there is one, and what is wrong."""
    name, content, message = BROKEN[case]
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, content, name)
    line = str(caught.value)
    assert message in line
    assert line.startswith("trace ")
    assert "\n" not in line


def test_places_that_are_no_files(tmp_path: Path) -> None:
    """A missing file, a folder, and names no file system knows are one line each."""
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    for path, message in (
        (tmp_path / "missing.csv", "no such file"),
        (folder, "it is a folder"),
        ("a\0b.csv", "null byte"),
        ("x" * 5000, "name too long"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load_trace(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [pd.Timestamp("2020-01-01"), pd.Timedelta(5, "s")])
def test_parquet_dates_are_refused(tmp_path: Path, value: Any) -> None:
    """Dates would silently count nanoseconds; they are answered with the mend."""
    path = tmp_path / "t.parquet"
    pd.DataFrame({"time_s": [value], "key": ["a"]}).to_parquet(path)
    with pytest.raises(UserError, match="time_s holds dates or durations; convert them to seconds"):
        load_trace(str(path))


def test_what_pandas_noted_in_a_parquet_file_decides_nothing(tmp_path: Path) -> None:
    """Its notes may be damaged while the columns are whole; a column that was its index is a column here."""
    frame = pd.DataFrame({"key": ["a", "b"]}, index=pd.Index([0.5, 1.0], name="time_s"))
    table = pa.Table.from_pandas(frame)
    for notes in (table.schema.metadata, {b"pandas": b'{"columns": [{}]}'}):
        pq.write_table(table.replace_schema_metadata(notes), tmp_path / "t.parquet")
        trace = load_trace(str(tmp_path / "t.parquet"))
        assert (trace.time_s.tolist(), trace.key_names) == ([0.0, 0.5], ["a", "b"])


def test_a_parquet_text_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 in a column of text are one line."""
    key = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"time_s": [0.5], "key": key}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"row 1: key is b'\\xff', which is not UTF-8 text"):
        load_trace(str(tmp_path / "t.parquet"))


def test_a_trace_too_short_for_its_warm_up(tmp_path: Path) -> None:
    """The message says how long the trace is and which knob to turn."""
    with pytest.raises(UserError, match=r"lasts 3.5 s, no longer than warmup_s=10; lower warmup_s$"):
        build_workload(replayed(tmp_path, PLAIN, warmup_s=10), 0)
    with pytest.raises(UserError, match="at least two different times"):
        build_workload(replayed(tmp_path, b"time_s,key\n0.5,a\n"), 0)


FIELD = st.one_of(
    st.sampled_from(
        ["0", "1", "0.5", "2", "1e400", "-1", "nan", "", "get", "set", "a", '"', "9" * 400, "1,5", "٣", "\0"]
    ),
    st.text(max_size=6),
)
HEADER = st.sampled_from(
    [
        *("time_s,key", "time_s,key,op", "key,time_s,size_bytes,timeout_s", "time_s,time_s,key", "a,b", ""),
        *("time,key", '"time_ms";"key"', "op_time,key,op,op_count,size,cache_hits", "ts\turl"),
        '1.2.3.4 - - [30/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5',
    ]
)
TEXT = st.builds(
    lambda header, lines: "\n".join([header, *(",".join(line) for line in lines)]),
    HEADER,
    st.lists(st.lists(FIELD, min_size=1, max_size=7), max_size=5),
)
BYTES = st.one_of(st.binary(max_size=60), TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))


def only_user_errors(path: Path, content: bytes) -> None:
    """Load *content*; whatever is wrong with it must be one line."""
    path.write_bytes(content)
    try:
        trace = load_trace(str(path))
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        assert (np.diff(trace.time_s) >= 0).all()
        assert np.isfinite(trace.time_s).all()


@settings(max_examples=1000)
@given(BYTES)
@example(b"time_s,key\n0.5,a\n1.5,b\n")
def test_any_csv(folder: Path, content: bytes) -> None:
    """Whatever a file named .csv holds, it is a trace or one line."""
    only_user_errors(folder / "any.csv", content)


@settings(max_examples=500)
@given(BYTES, st.integers(0, 80), st.binary(max_size=4))
def test_any_gz(folder: Path, content: bytes, place: int, damage: bytes) -> None:
    """Whatever a file named .csv.gz holds, cut or overwritten at any place, it is a trace or one line."""
    packed = gzip.compress(content, mtime=0)
    only_user_errors(folder / "any.csv.gz", packed[:place] + damage + packed[place + len(damage) :][: place * 3])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=5), st.integers(0, 2000))
def test_any_parquet(folder: Path, damage: list[tuple[int, int]], length: int) -> None:
    """A Parquet file with bytes overwritten and its end cut off is a trace or one line."""
    path = folder / "good.parquet"
    pd.DataFrame({"time_s": [0.5, 1.0, 2.5], "key": ["a", "b", "a"]}).to_parquet(path)
    content = bytearray(path.read_bytes())
    for place, value in damage:
        content[place % len(content)] = value
    only_user_errors(folder / "any.parquet", bytes(content[: length or None] if length < 1000 else content))
