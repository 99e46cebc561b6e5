"""Access logs, as nginx and Apache write them: the path is the key, failures do nothing."""

from pathlib import Path

import pytest

from cachewise.sim.traces import access_log
from tests.sim.traces.files import loaded, refusal, requests

COMBINED = r"""
127.0.0.1 - frank [30/Nov/2026:09:59:57 -0700] "GET /logo.gif HTTP/1.0" 200 2326
::1 - - [30/Nov/2026:09:59:58 -0700] "GET /a?x=/1?2 HTTP/1.1" 200 - "http://ref/[x] \"q\"" "Moz\"illa (X; [y])"
2001:db8::1 - - [30/Nov/2026:09:59:57 -0700] "POST /a HTTP/2.0" 302 0 "-" "-"
1.2.3.4 - - [30/Nov/2026:09:59:58 -0700] "-" 408 0 "-" "-"
1.2.3.4 - - [30/Nov/2026:09:59:58 -0700] "\x16\x03\x01" 400 150 "-" "-"
torn li
1.2.3.4 - John Doe [30/Nov/2026:18:59:59 +0200] "HEAD /a\"b HTTP/2.0" 304 0 "-" "-" 0.003 "x"
1.2.3.4 - - [30/Nov/2026:10:00:00 -0700] "GET /wp-login.php HTTP/1.1" 404 3 "-" "-"
1.2.3.4 - - [30/Nov/2026:10:00:00 -0700] "PUT /a HTTP/1.1" 503 3 "-" "-"
1.2.3.4 - - [30/Nov/2026:10:00:01 -0700] "OPTIONS /a HTTP/1.1" 204 0 "-" "-"
1.2.3.4 - - [30/Nov/2026:10:00:02 -0700] "PURGE /a HTTP/1.1" 200 0 "-" "-"
example.org:443 1.2.3.4 - - [30/Nov/2026:10:00:03 -0700] "GET http://example.org/full?q HTTP/1.1" 200 5 "-" "-"
"""
NEITHER = "neither read nor change a value (such as touch, expire or OPTIONS)"
MEANT = [
    (0.0, "/logo.gif", "read"),
    (0.0, "/a", "write"),  # written later, but of the same second as the line above
    (1.0, "/a", "read"),
    (2.0, r"/a\"b", "read"),
    (5.0, "/a", "write"),
    (6.0, "/full", "read"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("block", [1 << 25, 64])
def test_a_log_as_it_is(tmp_path: Path, end: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Common and combined lines, IPv6, escaped quotes, more fields, other zones; sorted by time, however it is read."""
    monkeypatch.setattr(access_log, "_BLOCK_BYTES", block)
    trace = loaded(tmp_path, COMBINED.replace("\n", end).encode(), "access.log.1")
    assert requests(trace) == MEANT
    assert trace.whole_seconds
    assert (trace.size_bytes == -1).all(), "what was sent is no row's size"
    assert trace.first_rows[trace.key_names.index("/full")] == 13
    assert trace.notes == (
        "left out: 3 of the log's 12 lines, which are no requests for a path (the first: line 5)",
        "left out: 2 of the log's 9 requests, which failed (status 400 and above)",
        "the log's times go backwards in 1 of its lines, so all were sorted by time",
        f"left out: 1 of the trace's 7 requests, which {NEITHER}",
    )


GET = "GET / HTTP/1.1"
LINE = '1.2.3.4 - - [30/Nov/2026:10:00:00 +0000] "{}" {} 5 "-" "-"\n'


def test_bytes_that_are_no_text_stay_told_apart(tmp_path: Path) -> None:
    r"""As nginx writes them itself: \xe9."""
    lines = [LINE.format(f"GET /{name} HTTP/1.1", 200).encode("latin-1") for name in ("caf\xe9", "caf\xe8", "é")]
    assert loaded(tmp_path, b"".join(lines)).key_names == [r"/caf\xe9", r"/caf\xe8", r"/\xe9"]


@pytest.mark.parametrize(
    ("lines", "columns", "message"),
    [
        (
            LINE.format(GET, 200) + "a\nb\n",
            None,
            "of its 3 lines only 1 are requests for a path; line 2 is not: 'a'",
        ),
        (LINE.format(GET, 500) * 2, None, "all of its 2 requests failed (status 400 and above)"),
        (LINE.format("POST / HTTP/1.1", 200) * 2, None, "no reads, only 2 writes"),
        (
            LINE.format(GET, 200),
            "key=1",
            "it is an access log, which has no columns to name: leave",
        ),
        (
            LINE.format(GET, 200).replace("Nov", "Abc"),
            None,
            "of its 1 lines only 0 are requests for a path",
        ),
    ],
)
def test_what_is_no_log_of_requests(tmp_path: Path, lines: str, columns: str | None, message: str) -> None:
    """One line, with the first line that is wrong."""
    assert refusal(tmp_path, lines.encode(), columns=columns).startswith(message)
