"""A small project on a real database, in a process of its own, whose reads a real judge judges."""

import multiprocessing
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from cachewise.sim.judge.compare import Shown, shown
from cachewise.sim.judge.question import Question, Stores

TIMES_ASKED = [0]
MOVED: dict[int, Any] = {}  # what the project keeps in a module


def apart(func: Callable[..., Any], *args: Any) -> Any:
    """Return what *func*, of a test module, gives in a process of its own; what it raises is raised here."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_apart, args=(theirs, func, args))
    process.start()
    theirs.close()
    try:
        raised, content = ours.recv()
    finally:
        process.join()
    if raised:
        raise AssertionError(content)
    return content


def _apart(pipe: Any, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        pipe.send((False, func(*args)))
    except BaseException:  # noqa: BLE001 - it is raised in the test
        pipe.send((True, traceback.format_exc()))


def set_up(database: dict[str, Any] | str) -> Any:
    """Set Django up with one database, make its tables, and return the models."""
    import django
    from django.conf import settings
    from django.db import connection

    entry = database
    if isinstance(database, str):
        with closing(sqlite3.connect(database)) as made:
            made.execute("PRAGMA journal_mode = WAL")
        options = {"timeout": 0, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA synchronous = OFF"}
        entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": options}
    settings.configure(DATABASES={"default": entry}, INSTALLED_APPS=[], USE_TZ=True, DEFAULT_CHARSET="utf-8")
    django.setup()
    from tests.sim.judge import models

    if connection.vendor == "postgresql":  # the server of all tests
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS judged_product, judged_shelf, judged_visit")
    with connection.schema_editor() as editor:
        for model in (models.Shelf, models.Product, models.Visit):
            editor.create_model(model)
    shelves = [models.Shelf.objects.create(name=f"shelf {number}") for number in range(3)]
    for number in range(6):
        models.Product.objects.create(name=f"product {number}", price=number, shelf=shelves[number % 3])
    connection.close()
    return models


def product(pk: int) -> Any:
    """One row."""
    from tests.sim.judge.models import Product

    return Product.objects.get(pk=pk)


def listing(shelf: int) -> Any:
    """Two tables."""
    from tests.sim.judge.models import Product

    rows = Product.objects.filter(shelf=shelf).select_related("shelf").order_by("pk")
    return [(row.name, row.price, row.shelf.name) for row in rows]


def shelves() -> Any:
    """Another table alone."""
    from tests.sim.judge.models import Shelf

    return Shelf.objects.order_by("pk")


@lru_cache
def remembered(pk: int) -> int:
    """A price that the process remembers."""
    return int(product(pk).price)


@lru_cache
def _shelf_of_all() -> str:
    from tests.sim.judge.models import Shelf

    return str(Shelf.objects.get(pk=1).name)


def on_the_shelf(pk: int) -> Any:
    """A row, and one of another table that the process remembers, whichever row is asked for."""
    return product(pk).price, _shelf_of_all()


@lru_cache
def _least_price() -> int:
    return int(product(1).price)


def above_the_least(pk: int) -> int:
    """A row, and another of its table that the process remembers."""
    return int(product(pk).price) - _least_price()


def dear_but_due(clock_s: float) -> int:
    """Count what costs much, but no more than what the clock says."""
    from tests.sim.judge.models import Product

    TIMES_ASKED[0] += 1
    return Product.objects.filter(price__gt=9, price__lte=int(clock_s)).count()


def too_large(pk: int) -> Any:
    """A row, after a query whose parameter no database takes, which the project lives with."""
    from django.db import connection

    with suppress(OverflowError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM judged_product WHERE id = %s", [10**30])
    return product(pk).price


def past_django(pk: int) -> Any:
    """A row, and another that is asked for on the driver's own connection."""
    from django.db import connection

    price = product(pk).price
    return price, connection.connection.execute("SELECT price FROM judged_product WHERE id = 1").fetchone()[0]


ASKED = [0]


def restless(pk: int) -> Any:
    """A row, and how often this process was asked."""
    ASKED[0] += 1
    return product(pk).price, ASKED[0]


def kept(pk: int) -> int:
    """A price that the module keeps."""
    return int(MOVED.setdefault(pk, product(pk).price))


def visited(pk: int) -> Any:
    """A read that writes: it adds a row, and changes another in a transaction."""
    from django.db import transaction
    from django.db.models import F

    from tests.sim.judge.models import Product, Visit

    with transaction.atomic():
        Product.objects.filter(pk=pk).update(visits=F("visits") + 1)
        visit = Visit.objects.create(product=pk)
    return Product.objects.get(pk=pk).visits, Visit.objects.count(), visit.pk == Visit.objects.latest("pk").pk


def stubborn(pk: int) -> Any:
    """A read that writes, and takes it as it comes."""
    from tests.sim.judge.models import Product

    try:
        return Product.objects.filter(pk=pk).update(visits=100)
    except:  # noqa: E722 - there is such code
        return None


def locked(pk: int) -> Any:
    """A read that locks its row."""
    from django.db import transaction

    from tests.sim.judge.models import Product

    with transaction.atomic():
        return Product.objects.select_for_update().get(pk=pk).price


def evaluate(question: Question, clock_s: float, stores: Stores) -> Shown:
    """Call the function that the question names; one of them shows a store, and one looks at the clock."""
    if question.name == "dear_but_due":
        return shown(dear_but_due(clock_s))
    if question.name == "session":
        return shown((stores["default", "session"], product(*question.args).price))
    return shown(globals()[question.name](*question.args))


def database_in(folder: Path) -> str:
    """Return where SQLite has its file."""
    return str(folder / "rows.sqlite3")
