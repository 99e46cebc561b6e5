"""Packed traces: known by their first bytes, read whole, or refused with one line."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cachewise import UserError
from cachewise.sim.traces.trace import load_trace
from tests.sim.traces.files import loaded, refusal, requests

PLAIN = b"time_s,key,op\n0.5,a,get\n1,b,SET\n2.5,a,Get\n"
LONG = b"time_s,key\n" + b"".join(b"%d.5,%032x\n" % (at, at**9) for at in range(20_000))
MEANT = [(0.0, "a", "read"), (0.5, "b", "write"), (2.0, "a", "read")]


def zstd(content: bytes) -> bytes:
    """Return *content* as a stream packs it: the frame does not say how large it is."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed: bytes = sink.getvalue().to_pybytes()
    assert packed[4] & 0b1110_0000 == 0, "the frame's header has no content size"
    return packed


def zipped(*names: str, content: bytes = PLAIN) -> bytes:
    """Return a zip archive in which each of *names* is a file with *content*."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return sink.getvalue()


def tarred(packing: str) -> bytes:
    """Return a tar archive of two files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for name in ("one.csv", "two.csv"):
            about = tarfile.TarInfo(name)
            about.size = len(PLAIN)
            archive.addfile(about, io.BytesIO(PLAIN))
    return sink.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd,
    "zip": lambda content: zipped("trace.csv", content=content),
}


@pytest.mark.parametrize("name", ["trace.csv.{}", "TRACE.CSV.{upper}", "trace"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_is_its_content(tmp_path: Path, packing: str, name: str) -> None:
    """Whatever its name ends in, in any case."""
    packed = PACKINGS[packing](PLAIN)
    assert requests(loaded(tmp_path, packed, name.format(packing, upper=packing.upper()))) == MEANT


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz", "zst"])
def test_several_frames_are_one_file(tmp_path: Path, packing: str) -> None:
    """Files of many parts, as parallel packers write them, are read to the end; frames to skip are skipped."""
    pack = PACKINGS[packing]
    parts = b"".join(pack(LONG[at : at + 90_000]) for at in range(0, len(LONG), 90_000))
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd" if packing == "zst" else b""
    assert len(loaded(tmp_path, skipped + parts).time_s) == 20_000


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_that_ends_in_the_middle_is_refused(tmp_path: Path, packing: str) -> None:
    """No half of a trace is taken for the whole."""
    packed = PACKINGS[packing](LONG)
    assert refusal(tmp_path, packed[: len(packed) // 2]).startswith("cannot be read: ")


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_damaged_file_is_refused(tmp_path: Path, packing: str) -> None:
    """What follows its first bytes makes no sense: one line."""
    packed = bytearray(PACKINGS[packing](LONG))
    packed[60:1060] = bytes(1000)
    told = refusal(tmp_path, bytes(packed))
    assert told.startswith("cannot be read: ")
    assert packing == "zst" or "tokenizing" not in told, "only frames without a checksum cannot say what is wrong"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            zipped("one.csv", "two.csv"),
            "it is a zip archive of 2 files (one.csv, two.csv): unpack it and give one",
        ),
        (zipped(), "it is a zip archive of 0 files"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "it is an office document: save its sheet as CSV"),
        *((tarred(one), "it is a tar archive: unpack it (tar -xf) and give one") for one in ("", "gz", "xz")),
        (gzip.compress(b"PAR1..."), "it is a packed Parquet file: unpack it first"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "it is packed with 7z, which is not read here: unpack it first"),
        (PLAIN.decode().encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
        (b"\0\1\2\3" * 50, "it is neither text nor Parquet: its first line holds zero bytes"),
        (b'{"time_s": 1, "key": "a"}\n', "it looks like JSON: write it as CSV with the columns time_s,key"),
    ],
)
def test_what_is_no_single_file_of_text(tmp_path: Path, content: bytes, message: str) -> None:
    """The line says what it is, and what to do."""
    assert refusal(tmp_path, content).startswith(message)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Each worker process reads the trace, which a pipe gives once; it must not wait for a writer, either."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="it is a pipe or a device, and is read more than once: write it to a file"):
        load_trace(str(tmp_path / "pipe"))


def test_a_trace_is_read_once_a_process_until_it_changes(tmp_path: Path) -> None:
    """Runs share what was read; another file under the same name is another trace."""
    path = tmp_path / "trace.csv"
    path.write_bytes(PLAIN)
    os.utime(path, (1e9, 1e9))  # not just written: then it might change within a tick of the clock, unseen
    first = load_trace(str(path))
    assert load_trace(str(path)) is first
    path.write_bytes(PLAIN.replace(b"b", b"c"))
    assert requests(load_trace(str(path))) == [MEANT[0], (0.5, "c", "write"), MEANT[2]]
