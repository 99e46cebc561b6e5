"""Columns: found by their names, by ``--trace-columns``, or refused with the name that was probably meant."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cachewise import Scenario, UserError, run
from cachewise.sim.traces.columns import parse_columns
from cachewise.strategies import NoCache
from tests.helpers import rows
from tests.sim.traces.files import loaded, refusal, requests

READS = [(0.0, "a", "read"), (0.5, "b", "read")]


@pytest.mark.parametrize(
    "content",
    [
        b'"time_s","key"\n0.5,a\n1,b\n',
        b' "time_s" , "key"\r\n"0.5","a"\r\n1,b\r\n',
        b"\n  \ntime_s,key\n0.5,a\n1,b\n",
        b"\xef\xbb\xbf\r\ntime_s;key\r\n0.5;a\r\n1;b",
        b"time_s\tkey\n0.5\ta\n\n1\tb\n",
        b"key,client,time_s,\na,7,0.5,\nb,8,1,\n",
    ],
)
def test_a_header_as_people_have_it(tmp_path: Path, content: bytes) -> None:
    """Quoted, after blank lines, with other separators, with other columns and a comma too many."""
    assert requests(loaded(tmp_path, content)) == READS


EXPORT = b"ts,url,method,size,ttl\n0.5,a,GET,7,60\n1,b,HEAD,8,60\n"


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (EXPORT, "time=ts,key=url,op=method,size=size,timeout=ttl"),
        (EXPORT, " time_s = ts , key=url, op=-, size_bytes=-, timeout_s=-"),
        (b"time_s,key,at,url\n9,x,0.5,a\n8,y,1,b\n", "time=at,key=url"),
        (b"time_ms,id\n500,a\n1000,b\n", "time=time_ms,key=id"),
        (b"0.5,x,a\n1,y,b\n", "time=1,key=3"),
        (b"10.5,a,5,100,1,set,0\n11,b,5,0,1,set,300\n", "time=1,key=2,op=-"),
    ],
)
def test_columns_are_named(tmp_path: Path, content: bytes, columns: str) -> None:
    """By what the file calls them, or by number; what is named goes before what is found."""
    assert requests(loaded(tmp_path, content, columns=columns)) == READS


NAMED = "write --trace-columns"
REFUSED = [
    ("time_s,key,operation", None, f"column 'operation' looks like op under another name: {NAMED} op=operation, or"),
    ("time_s,key,method", None, f"{NAMED} op=method, or op=- to leave it out"),
    ("time_s,key,Op", None, f"{NAMED} op=Op, or op=- to leave it out"),
    ("time_s,key,size", None, f"{NAMED} size_bytes=size, or size_bytes=- to leave it out"),
    ("time_s,key,ttl", None, f"{NAMED} timeout_s=ttl, or timeout_s=- to leave it out"),
    ("time_s,key,key", None, "column 'key' is there twice"),
    ('"time_s","key","time_s"', None, "column 'time_s' is there twice"),
    ("time_s,key,KEY", None, "columns 'key' and 'KEY' are the same but for their case; rename one"),
    ("time_s,time_ms,key", None, "it has time_s and time_ms: say which is the time: --trace-columns time_s=time_s"),
    ("ts,url,x", None, f"{NAMED} time=ts,key=url"),
    ("TIME_MS,Key,x", None, f"{NAMED} time_ms=TIME_MS,key=Key"),
    ("ts,url,method", None, f"{NAMED} time=ts,key=url,op=method"),
    (
        "ts,url,method",
        "time=ts,key=url",
        f"under another name: {NAMED} time=ts,key=url,op=method, or op=-",
    ),
    ("time_s,url,x", None, "no column 'key' (found: time_s, url, x); a trace needs"),
    ("ts,url,x", "time=tz,key=url", "--trace-columns time=tz: the file has no such column; did you mean 'ts'?"),
    ("ts,url,x", "time=when,key=url", "--trace-columns time=when: the file has no such column; found: ts, url, x"),
    ("ts,url,x", "tmie=ts,key=url", "--trace-columns: unknown column of a trace 'tmie'; did you mean 'time'?"),
    ("ts,url,x", "time=ts,time_s=x", "--trace-columns: the time is there twice"),
    ("ts,url,x", "key=ts,key=x", "--trace-columns: 'key' is there twice"),
    ("ts,url,x", "ts", "--trace-columns ts: write it as NAME=COLUMN,..., such as time=ts,key=url"),
    ("ts,url,x", "", "--trace-columns : write it as NAME=COLUMN,..."),
]


@pytest.mark.parametrize(("header", "columns", "message"), REFUSED)
def test_columns_that_are_not_so_are_refused(tmp_path: Path, header: str, columns: str | None, message: str) -> None:
    """What would be read wrongly, or not at all, is not read, in CSV as in Parquet; the line says what to write."""
    assert message in refusal(tmp_path, f"{header}\n0.5,1,2\n".encode(), columns=columns)
    names = header.replace('"', "").split(",")
    pq.write_table(pa.Table.from_arrays([pa.array([0.5])] * 3, names=names), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    assert message in refusal(tmp_path, content, "t.parquet", columns)


def test_bytes_in_parquet_are_text_or_refused(tmp_path: Path) -> None:
    """A column of bytes is text if it is UTF-8; if not, the row is named."""
    path = tmp_path / "made.parquet"
    pd.DataFrame({"time_s": [0.5, 1.0], "key": [b"a", b"b"]}).to_parquet(path)
    assert requests(loaded(tmp_path, path.read_bytes(), "t.parquet")) == READS
    pd.DataFrame({"time_s": [0.5, 1.0], "key": [b"a", b"\x80\x02"]}).to_parquet(path)
    told = refusal(tmp_path, path.read_bytes(), "t.parquet")
    assert told == r"row 2: key is b'\x80\x02', which is not UTF-8 text"


def test_the_row_of_a_text_that_is_no_text(tmp_path: Path) -> None:
    """Blank lines and the header do not count, as everywhere."""
    told = refusal(tmp_path, "\ntime_s,key\n0.5,ä\n\n1,caf".encode() + b"\xe9\n")
    assert told == r"row 2 is not UTF-8 text: b'1,caf\xe9'"


def test_a_scenario_names_the_columns_of_its_trace(tmp_path: Path) -> None:
    """As text or as a dict; the same scenario runs anywhere; without a trace there is nothing to name."""
    path = tmp_path / "export.csv"
    path.write_bytes(EXPORT)
    columns = {"time": "ts", "key": "url", "op": "method", "size": "-", "timeout": "-"}
    scenario = Scenario("s", trace=str(path), trace_columns=columns, warmup_s=0, writes_per_s=0)  # type: ignore[arg-type]
    assert scenario.trace_columns == "time=ts,key=url,op=method,size_bytes=-,timeout_s=-"
    assert parse_columns(scenario.trace_columns) == {
        "time": "ts", "key": "url", "op": "method", "size_bytes": "-", "timeout_s": "-",
    }  # fmt: skip
    assert rows(run(scenario, NoCache()).reads, "arrival_s", "key") == [(0.0, "a"), (0.5, "b")]
    with pytest.raises(UserError, match="trace_columns=key=url needs a trace"):
        Scenario("s", trace_columns="key=url")
    with pytest.raises(UserError, match="must be text, such as time=ts,key=url"):
        Scenario("s", trace="x.csv", trace_columns=3)  # type: ignore[arg-type]
