"""What is compared: what a reader would call the same is equal, in whichever process it was made; all else is not."""

import gzip
import subprocess
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import django
import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.test import RequestFactory
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from cachewise.sim.judge.compare import compared, masked_difference, raised, shown

Point = namedtuple("Point", "x y")  # noqa: PYI024 - as a project's code has it


@dataclass
class Basket:
    """Any object of a project's own."""

    names: list[str]
    owner: Any = None


class Size(Enum):
    SMALL = 1


@pytest.fixture(scope="module", autouse=True)
def _django() -> None:
    if not settings.configured:
        settings.configure(USE_TZ=True)
        django.setup()


def row(**values: Any) -> Any:
    from tests.sim.judge.models import Product

    return Product(**{"pk": 1, "name": "a", "price": 2, "shelf_id": 3, **values})


def loop() -> Any:
    made: list[Any] = [1]
    made.append(made)
    return made


SAME = [
    ("text", mark_safe("text")),
    ("text", lazystr("text")),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": 1}, OrderedDict(a=1)),
    ({"b", "a", "c"}, {"c", "a", "b"}),
    ([1, 2], (n for n in (1, 2))),
    (Basket(["x", "x"]), Basket(["x", str(b"x", "ascii")])),
    (HttpResponse("a", charset="utf-8"), StreamingHttpResponse(iter(["a"]), charset="utf-8")),
    (
        HttpResponse("a", charset="utf-8", headers={"X-Any": "1"}),
        HttpResponse("a", charset="utf-8", headers={"X-Any": "2"}),
    ),
    (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
    (object(), object()),
    (loop(), loop()),
    (Size.SMALL, Size.SMALL),
]
OTHER = [
    (1, True),
    (1, "1"),
    (1, 1.0),
    (b"a", "a"),
    ([1, 2], [2, 1]),
    ([[1], 2], [1, [2]]),
    ({"a": None}, {}),
    (Decimal("1.0"), Decimal("1.00")),
    (Basket(["x"]), Basket(["y"])),
    (Point(1, 2), Point(1, 3)),
    (HttpResponse("a", charset="utf-8"), HttpResponse("b", charset="utf-8")),
    (HttpResponse("a", charset="utf-8"), HttpResponse("a", charset="utf-8", status=404)),
    (JsonResponse({"a": 1, "b": 2}, charset="utf-8"), JsonResponse({"b": 2, "a": 1}, charset="utf-8")),
    (int, str),
    (None, ""),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda value: type(value).__name__)
def test_what_is_the_same(one: Any, other: Any) -> None:
    """Equal for a reader, equal digests."""
    assert compared(one) == compared(other)


@pytest.mark.parametrize(("one", "other"), OTHER, ids=lambda value: type(value).__name__)
def test_what_is_not(one: Any, other: Any) -> None:
    """And else not."""
    assert compared(one) != compared(other)


def test_rows_are_their_fields() -> None:
    """A copy out of a cache is the row; a deferred field is not asked for."""
    read = row()
    read._state.adding, read._state.db, read.noted = False, "default", "beside its fields"
    assert compared(row()) == compared(read)
    assert compared(row()) != compared(row(price=3))
    assert compared(row()) != compared(row(pk=2))
    part = row()
    del part.__dict__["price"]
    assert compared(part) == compared(part)
    assert compared(part) != compared(row())


CODE = """
import sys
from tests.sim.judge.test_compare import *
settings.configure(USE_TZ=True)
django.setup()
basket = Basket(["x"], {1: {"k", "l"}})
things = [row(), {"b", "a", "c"}, basket, object(), loop(), lambda: 0, Size.SMALL, HttpResponse("a")]
print(*[shown(thing).digest.hex() for thing in things])
"""


def test_each_process_says_the_same() -> None:
    """Neither hashes nor addresses come into it."""
    said = {
        subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(said) == 1
    assert len(set(said.pop().split())) == 8


def token() -> str:
    return get_token(RequestFactory().get("/"))


DRAWN = [
    '<input type="hidden" name="csrfmiddlewaretoken" value="{token}">{text}',
    '<input value="{token}" type="hidden" name="csrfmiddlewaretoken">{text}',
    '<meta name="csrf-token" content="{token}">{text}',
    "<script>const csrfToken = '{token}';</script>{text}",
    '<body hx-headers=\'{{"X-CSRFToken": "{token}"}}\'>{text}',
    '{{"csrfToken": "{token}", "name": "{text}"}}',
    '<script nonce="{nonce}">{text}</script>',
    '<meta http-equiv="Content-Security-Policy" content="script-src \'nonce-{nonce}\'">{text}',
]


@pytest.mark.parametrize("page", DRAWN)
def test_what_is_drawn_anew_is_masked(page: str) -> None:
    """Tokens against forgery, and nonces, wherever pages have them; what stands beside them is not."""
    first, second = token(), token()
    assert first != second
    one, other, third = (
        HttpResponse(page.format(token=drawn, nonce=drawn[:22], text=text))
        for drawn, text in ((first, "price 1"), (second, "price 1"), (second, "price 2"))
    )
    assert shown(one).digest == shown(other).digest != shown(third).digest


def test_the_request_id_is_masked() -> None:
    """As the header has it, as the request knows it, or as the page says it."""

    def page(number: str, text: str = "price 1") -> HttpResponse:
        return HttpResponse(f"<p>{text}</p><i>{number}</i>", headers={"X-Request-ID": number})

    assert shown(page("4b1d2c3e")).digest == shown(page("aa1d2c3f")).digest != shown(page("aa1d2c3f", "2")).digest
    said = [HttpResponse(f"Request ID: {n:032x}") for n in (1, 2)]
    assert shown(said[0]).digest == shown(said[1]).digest


def test_what_matters_can_be_picked() -> None:
    """`judge=` comes first; the status and the size are those of the response."""
    pages = [HttpResponse(f'{{"price": 1, "now": {n}}}', status=203) for n in (1, 2)]
    found = [shown(page, lambda page: page.content[:11]) for page in pages]
    assert found[0] == found[1] == (203, found[0].digest, 22, "")
    assert shown(pages[0]).digest != shown(pages[1]).digest


def test_a_response_can_still_be_read() -> None:
    """One that streams has been read; it gives the same again. A compressed one is compared as it was before."""
    response = StreamingHttpResponse(iter(["a", "b"]))
    assert shown(response).size_bytes == 2
    assert b"".join(response) == b"ab"
    zipped = [HttpResponse(gzip.compress(b"a" * 100, level), headers={"Content-Encoding": "gzip"}) for level in (1, 9)]
    assert zipped[0].content != zipped[1].content
    assert shown(zipped[0]).digest == shown(zipped[1]).digest != shown(HttpResponse("a")).digest


def test_what_was_raised() -> None:
    """An exception is what it is and says, without addresses."""
    one, other = (raised(KeyError(f"<Thing at 0x7f00000000{n}0>")) for n in (1, 2))
    assert one == other
    assert one.error == "KeyError: '<Thing at 0x>'"
    assert one.digest != raised(ValueError("x")).digest != shown(None).digest
    assert shown(HttpResponseRedirect("/login/")).status == 302


def test_a_difference_tells_no_content() -> None:
    """Where it is and what it looks like, with every letter and digit masked."""
    one, other = b"<p>Ann's balance: 1234 EUR</p>", b"<p>Ann's balance: 99 EUR</p>"
    said = masked_difference(one, other)
    assert said == 'from byte 18 of 30 and 28: "<x>xxx\'x xxxxxxx: 0000 xxx</x>" and "<x>xxx\'x xxxxxxx: 00 xxx</x>"'
    pages = [compared(HttpResponse(content)) for content in (one, other)]
    assert masked_difference(*pages) == said
    moved = masked_difference(pages[0], compared(HttpResponseRedirect("/login/")))
    assert moved == "status 200 and status 302"
    assert masked_difference(pages[0], compared("Ann")) == "status 200 and no response"
    assert masked_difference(one, one) == "no difference"
    assert masked_difference(b"a" * 100, b"a" * 90).startswith("from byte 90 of 100 and 90: ")
