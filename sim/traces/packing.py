"""Packed files: opened by what their first bytes say, whatever their names end in."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import UserError, one_line

# What a packed file begins with. A zstd file may begin with a frame to skip, as pzstd and seekable files do.
GZIP, BZIP2, XZ, ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", (b"PK\x03\x04", b"PK\x05\x06")
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16)))
PARQUET = b"PAR1"
_UNREAD = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x04\x22\x4d\x18": "lz4", b"\x1f\x9d": "compress"}
_HEAD_BYTES = 65_536
SUFFIXES = (".csv", ".tsv", ".log", ".parquet", ".gz", ".bz2", ".xz", ".zst", ".zip", ".tgz", ".tar")


def is_named_like_a_trace(name: str) -> bool:
    """Return whether a file's *name* ends as those of traces do, in any case."""
    return name.lower().endswith(SUFFIXES)


@contextmanager
def opened(path: Path, where: str) -> Iterator[BinaryIO]:
    """Open the file at *path*, unpacked.

    Raises:
        UserError: for an archive of several files, or a packing that is not read.
        Exception: what the library of its packing raises, if it is damaged.
    """
    if path.exists() and not path.is_dir() and not path.is_file():
        raise UserError(f"{where}: it is a pipe or a device, and is read more than once: write it to a file first")
    with path.open("rb") as file:
        start = file.read(8)
    with _unpacked(path, start, where) as stream:
        yield stream


def head(path: Path, where: str) -> bytes:
    """Return how the unpacked file begins, up to 64 KiB.

    Raises:
        UserError: as `opened` does, and for an archive of several files inside of a packing.
    """
    with opened(path, where) as stream:
        found = bytearray()
        while len(found) < _HEAD_BYTES and (more := stream.read(_HEAD_BYTES - len(found))):
            found += more
    with path.open("rb") as file:
        is_packed = file.read(len(PARQUET)) != found[: len(PARQUET)]
    if is_packed and found.startswith(PARQUET):
        raise UserError(f"{where}: it is a packed Parquet file: unpack it first")
    if found[257:262] == b"ustar":
        raise UserError(f"{where}: it is a tar archive: unpack it (tar -xf) and give one of its files")
    return bytes(found)


@contextmanager
def _unpacked(path: Path, start: bytes, where: str) -> Iterator[BinaryIO]:
    unread = next((name for magic, name in _UNREAD.items() if start.startswith(magic)), None)
    if unread is not None:
        raise UserError(f"{where}: it is packed with {unread}, which is not read here: unpack it first")
    if start.startswith(ZSTD):
        import pyarrow as pa

        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
            yield cast("BinaryIO", stream)
    elif start.startswith(ZIP):
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, where)) as stream:
            yield cast("BinaryIO", stream)
    else:
        openers: dict[bytes, Callable[[Path, str], Any]] = {GZIP: gzip.open, BZIP2: bz2.open, XZ: lzma.open}
        opener = next((found for magic, found in openers.items() if start.startswith(magic)), Path.open)
        with opener(path, "rb") as stream:
            yield stream


def _only_member(archive: zipfile.ZipFile, where: str) -> zipfile.ZipInfo:
    names = archive.namelist()
    if "[Content_Types].xml" in names:
        raise UserError(f"{where}: it is an office document: save its sheet as CSV")
    files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        shown = ", ".join([*(one_line(one.filename, 30) for one in files[:3]), *(["..."] if len(files) > 3 else [])])
        mend = f" ({shown}): unpack it and give one of them" if files else ""
        raise UserError(f"{where}: it is a zip archive of {len(files)} files{mend}")
    return files[0]
