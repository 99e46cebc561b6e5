"""The compared parts of a read's result: status and content, with the parts masked that are random each time."""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any, NamedTuple
from uuid import UUID

from django.core.files import File
from django.db.models import Model
from django.http import HttpResponseBase
from django.utils.functional import Promise

Judge = Callable[[Any], Any]
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
MASK = b"***"
_TOKEN = rb"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{64}|[A-Za-z0-9]{32})(?![A-Za-z0-9])"
_DRAWN = (  # (text before, random text, text after)
    re.compile(rb"(?is)(csrf.{0,80}?)(" + _TOKEN + rb")()"),
    re.compile(rb"""(?is)(\bvalue\s*=\s*["']?)(""" + _TOKEN + rb""")(["']?[^<>]{0,80}csrf)"""),
    re.compile(rb"""(?i)(\bnonce["']?(?:-|\s*[=:]\s*["']?))([A-Za-z0-9+/_=-]{8,})()"""),
    re.compile(rb"(?i)(\brequest[-_ ]?id\b[^<>A-Za-z0-9]{1,20})([0-9a-f-]{16,36})()"),
)
_RESPONSE = re.compile(rb"response (\d+) ")  # as `_of_response` writes it
_PLAIN = (str, bytes, bool, int, float, complex, type(None))
_VALUES = (Decimal, UUID, datetime, date, time, timedelta)


class Shown(NamedTuple):
    """A read's result in comparable form: results with equal digests are equal."""

    status: int | None  # of a response
    digest: bytes
    size_bytes: int
    error: str = ""  # what was raised instead


def shown(result: Any, judge: Judge | None = None) -> Shown:
    """Return the comparable form of *result*; first, *judge* picks the part that matters."""
    status = result.status_code if isinstance(result, HttpResponseBase) else None
    content = compared(result, judge)
    size_bytes = len(_body(result)) if isinstance(result, HttpResponseBase) else len(content)
    return Shown(status, _digest(content), size_bytes)


def raised(error: BaseException) -> Shown:
    """Return the comparable form of an *error* that was raised: its class and its message."""
    text = f"{type(error).__name__}: {ADDRESS.sub('0x', str(error))}"
    return Shown(None, _digest(b"raised " + text.encode()), 0, text)


def compared(result: Any, judge: Judge | None = None) -> bytes:
    """Return the bytes that `shown` digests."""
    return b"".join(_Walk().parts(result if judge is None else judge(result)))


def masked_difference(one: bytes, other: bytes, around: int = 30) -> str:
    """Return where two contents differ; all letters and digits are masked, so that no content is shown."""
    if one == other:
        return "no difference"
    status, one, of_other, other = *_parted(one), *_parted(other)
    if status != of_other:
        return f"{status or 'no response'} and {of_other or 'no response'}"
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    parts = [_masked(content[max(0, place - around) : place + around]) for content in (one, other)]
    return f"from byte {place} of {len(one)} and {len(other)}: {parts[0]!r} and {parts[1]!r}"


def _parted(compared_bytes: bytes) -> tuple[str, bytes]:
    """Return ("status 200", content) of a response; of any other result ("", all of it)."""
    found = _RESPONSE.match(compared_bytes)
    return (f"status {int(found[1])}", compared_bytes[found.end() :]) if found else ("", compared_bytes)


def _masked(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return "".join("0" if char.isdigit() else "x" if char.isalpha() else char for char in text)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _body(response: Any) -> bytes:
    """Return the content of a response; a streaming one can still be read afterwards."""
    if hasattr(response, "render") and not response.is_rendered:
        response.render()
    if response.streaming:
        whole = b"".join(response)
        response.streaming_content = [whole]
        return whole
    return bytes(response.content)


def _of_response(response: Any) -> bytes:
    body = _body(response)
    if response.headers.get("Content-Encoding") == "gzip":  # Django pads it at random
        body = gzip.decompress(body)
    for pattern in _DRAWN:
        body = pattern.sub(rb"\1" + MASK + rb"\3", body)
    for value in _request_ids(response):
        body = body.replace(value, MASK)
    return b"response %d " % response.status_code + body


def _request_ids(response: Any) -> Iterator[bytes]:
    request = getattr(response, "wsgi_request", None)
    for value in (
        response.headers.get("X-Request-ID"),
        getattr(request, "headers", {}).get("X-Request-ID"),
        getattr(request, "id", None),
    ):
        if len(str(value or "")) >= 8:
            yield str(value).encode()


class _Walk:
    """Turns any value into bytes that are the same for equal values, also from different processes."""

    def __init__(self) -> None:
        self._above: set[int] = set()  # the containers of the current value: one that contains itself ends there

    def parts(self, value: Any) -> Iterator[bytes]:
        if type(value) in _PLAIN:
            yield f"{type(value).__name__} {value!r};".encode("utf-8", "backslashreplace")
        elif id(value) in self._above:
            yield b"again;"
        else:
            self._above.add(id(value))
            yield from self._inner(value)
            self._above.discard(id(value))

    def _inner(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, HttpResponseBase):
            yield _of_response(value)
        elif isinstance(value, Enum):
            yield f"{type(value).__name__}.{value.name};".encode()
        elif isinstance(value, (str, Promise)):
            yield from self.parts(str(value)[:])
        elif isinstance(value, _VALUES):
            yield f"{type(value).__name__} {value!r};".encode()
        elif isinstance(value, File):
            yield from self.parts(str(value.name))
        elif isinstance(value, Model):
            yield from self._of_model(value)
        elif isinstance(value, Mapping):
            yield from self._bracketed(b"dict", sorted(self._pair(pair) for pair in value.items()))
        elif isinstance(value, AbstractSet):
            yield from self._bracketed(b"set", sorted(self._joined(one) for one in value))
        elif isinstance(value, (list, tuple, Iterator)) or hasattr(value, "_iterable_class"):  # a queryset
            yield from self._bracketed(b"rows", map(self._joined, value))
        else:
            yield from self._of_object(value)

    def _of_model(self, row: Model) -> Iterator[bytes]:
        left_out = row.get_deferred_fields()
        fields = [field.attname for field in row._meta.concrete_fields if field.attname not in left_out]
        values = [self._pair((name, getattr(row, name))) for name in fields]
        yield from self._bracketed(row._meta.label.encode(), values)

    def _of_object(self, value: Any) -> Iterator[bytes]:
        """Yield the parts of its pickle.

        Whole pickles of equal objects can differ: they show which strings are shared.
        """
        kind = f"{type(value).__module__}.{type(value).__qualname__}".encode()
        if isinstance(value, (type, FunctionType, ModuleType)):
            yield kind + b" " + getattr(value, "__qualname__", value.__name__).encode() + b";"
            return
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 - any error may say that it cannot be pickled
            yield kind + b" " + ADDRESS.sub("0x", repr(value)).encode() + b";"
            return
        if isinstance(reduced, str):
            yield kind + b" " + reduced.encode() + b";"
        else:
            yield from self._bracketed(kind, map(self._joined, reduced))

    def _bracketed(self, kind: bytes, parts: Any) -> Iterator[bytes]:
        yield kind + b"("
        yield from parts
        yield b")"

    def _pair(self, pair: tuple[Any, Any]) -> bytes:
        return self._joined(pair[0]) + b"=" + self._joined(pair[1])

    def _joined(self, value: Any) -> bytes:
        return b"".join(self.parts(value))
