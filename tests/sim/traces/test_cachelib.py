"""Meta's CacheLib traces: rows that stand for several requests of one second, in no order."""

from pathlib import Path

import numpy as np
import pytest

from cachewise import Scenario, run
from cachewise.strategies import NoCache
from tests.sim.traces.files import loaded, refusal, requests

HEADER = "op_time,key,key_size,op,op_count,size,cache_hits,ttl,usecase,sub_usecase\n"
ROWS = """604038471,a,48,GET,3,87,2,0,1,2
604038471,b,24,SET,1,65,0,7200,1,2
604038471,b,24,GET,1,0,0,0,1,2
604038472,c,67,SET_LEASE,1,14,0,60,1,2
604038472,a,48,SET,2,90,0,0,1,2
604038472,b,24,DELETE,1,0,0,0,1,2
604038473,c,67,GET_LEASE,2,14,2,0,1,2
604038473,c,67,SET,1,15,0,0,1,2
604038474,d,67,GET,1,0,0,0,1,2
"""


TAKEN = "they are taken for fills and left out (where they changed the row, call them write)"


def test_rows_become_requests(tmp_path: Path) -> None:
    """A row is `op_count` requests; a store is a fill as far as reads missed in its second or in the one before."""
    trace = loaded(tmp_path, (HEADER + ROWS).encode())
    assert requests(trace) == [
        *[(0.0, "a", "read")] * 3,
        (0.0, "b", "read"),  # its fill stands in front of it
        (1.0, "a", "write"),  # one of two stores: the other is the fill of the miss a second before
        (1.0, "b", "write"),
        *[(2.0, "c", "read")] * 2,
        (2.0, "c", "write"),  # both reads hit
        (3.0, "d", "read"),
    ]
    assert dict(zip(trace.key_names, trace.size_bytes.tolist(), strict=True)) == {"a": 87, "b": 65, "c": 14, "d": -1}
    assert (trace.whole_seconds, trace.in_order, trace.end_s) == (True, False, 4.0)
    assert trace.notes == (
        "the trace's 9 rows stand for 13 requests (`op_count`)",
        f"3 of the trace's 5 set and add requests answered a read that missed: {TAKEN}",
        "the trace's own timeouts (median 3630 s) are not used: strategies have their own",
    )


def test_each_miss_has_one_fill(tmp_path: Path) -> None:
    """A store fills the oldest miss that has no fill yet, and the miss of its own second stays for the next store."""
    rows = ["1,a,1,GET,1,0,0", "2,a,1,GET,1,0,0", "2,a,1,SET,1,9,0", "3,a,1,SET,2,9,0", "4,a,1,SET,1,9,0"]
    header = "op_time,key,key_size,op,op_count,size,cache_hits\n"
    trace = loaded(tmp_path, (header + "\n".join(rows) + "\n").encode())
    assert requests(trace) == [(0.0, "a", "read"), (1.0, "a", "read"), (2.0, "a", "write"), (3.0, "a", "write")]


def test_requests_of_a_second_have_no_order(tmp_path: Path) -> None:
    """What one row stands for is spread over its second, among the others, and each stays with its key and kind."""
    rows = "".join(f"{at},{key},9,{op},200,9,200,0\n" for at in (5, 6) for key, op in (("a", "GET"), ("b", "DELETE")))
    path = tmp_path / "kv.csv"
    path.write_text(HEADER.replace(",usecase,sub_usecase", "") + rows)
    result = run(Scenario("kv", trace=str(path), warmup_s=0, writes_per_s=0), NoCache(), seed=3)
    for second in (0, 1):
        for log, key in ((result.reads, "a"), (result.writes, "b")):
            at_s = log["arrival_s"][log["arrival_s"].astype(int) == second]
            assert set(log["key"]) == {key}
            assert len(at_s) == 200
            assert np.quantile(at_s % 1, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.15)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,a,9,GET,0,9,0,0,1,1", "row 1: op_count=0 must lie between 1 and 1,000,000"),
        ("1,a,9,GET,,9,0,0,1,1", "row 1 has no op_count"),
        ("1,a,9,GET,1,9,-1,0,1,1", "row 1: cache_hits=-1 must lie between 0 and 1,000,000"),
        ("1,a,9,SAT,1,9,0,0,1,1", "row 1: unknown operation 'SAT'; did you mean 'set'?"),
        (
            "1,a,9,GET,1000000,9,0,0,1,1\n" * 201,
            "its rows stand for 201,000,000 requests (op_count), more than 200",
        ),
    ],
)
def test_rows_that_cannot_be(tmp_path: Path, row: str, message: str) -> None:
    """Each is one line that names the row."""
    assert refusal(tmp_path, f"{HEADER}{row}\n".encode()).startswith(message)


def test_a_trace_without_times(tmp_path: Path) -> None:
    """CacheLib can replay it, as fast as it will go; here nothing can be said of its time."""
    told = refusal(tmp_path, b"key,op,size,op_count,key_size,ttl\na,GET,1,1,1,0\n")
    needs = "a trace needs time_s,key[,op,size_bytes,timeout_s]"
    assert told == f"no column 'time_s' (found: key, op, size, op_count, key_size, ttl); {needs}"
