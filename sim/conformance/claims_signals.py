"""The writes of Django's ORM that send no signal, so that no receiver can invalidate after them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal

from ..engine.virtual import CURRENT_RUN
from .claims import Claim, Seen
from .observe import Conformance
from .stage import Stage
from .twins import real_cache


def _models() -> tuple[Any, Any]:
    """Return two models in a separate registry, unknown to any project."""
    from django.apps.registry import Apps
    from django.db import models

    registry = Apps()

    class Tag(models.Model):  # noqa: DJ008 - it is never printed
        class Meta:
            apps = registry
            app_label = "cachewise"

    class Item(models.Model):  # noqa: DJ008
        name: Any = models.TextField()
        tags = models.ManyToManyField(Tag)

        class Meta:
            apps = registry
            app_label = "cachewise"

    return Item, Tag


@contextmanager
def _nobody_else_listening() -> Iterator[None]:
    """Hide these models from a project's own receivers, which might act on their signals."""
    from django.db.models import signals

    every = [one for one in vars(signals).values() if isinstance(one, Signal)]
    receivers = [one.receivers for one in every]
    _connect(every, [[] for _ in every])
    try:
        yield
    finally:
        _connect(every, receivers)


def _connect(every: Sequence[Signal], receivers: Sequence[list[Any]]) -> None:
    for one, mine in zip(every, receivers, strict=True):
        with one.lock:
            one.receivers = mine
            one.sender_receivers_cache.clear()


@contextmanager
def _listening(senders: tuple[Any, ...]) -> Iterator[list[str]]:
    """Give a list to which the name of every signal that *senders* send is appended."""
    from django.db.models import signals

    heard: list[str] = []
    # Kept here, because a signal holds its receivers only weakly.
    ears = {name: _ear(heard, name) for name in ("post_save", "post_delete", "m2m_changed")}
    for name, ear in ears.items():
        for sender in senders:
            getattr(signals, name).connect(ear, sender=sender)
    try:
        yield heard
    finally:
        for name, ear in ears.items():
            for sender in senders:
                getattr(signals, name).disconnect(ear, sender=sender)


def _ear(heard: list[str], name: str) -> Callable[..., None]:
    return lambda **_kwargs: heard.append(name)


def _signals(stage: Stage, _found: Conformance) -> Seen:
    def body(_cache: Any) -> dict[str, list[str]]:
        from django.db import connections

        alias = CURRENT_RUN.get().database_alias  # type: ignore[union-attr]
        item, tag = _models()
        connection: Any = connections[str(alias)]
        with connection.schema_editor() as editor:
            editor.create_model(tag)
            editor.create_model(item)
        return _heard(connection, item, tag)

    with real_cache(stage.backend, stage.servers) as within, _nobody_else_listening():
        heard = within(body)
    told = "; ".join(f"{what}: {', '.join(dict.fromkeys(names)) or 'none'}" for what, names in heard.items())
    expected = {"save": {"post_save"}, "m2m": {"m2m_changed"}}
    return Seen(all(set(names) == expected.get(what, set()) for what, names in heard.items()), told)


def _heard(connection: Any, item: Any, tag: Any) -> dict[str, list[str]]:
    """Return the signals of every way to write."""
    rows = item.objects.using(connection.alias)
    saved = item(name="a")
    label = tag(pk=1)
    label.save(using=connection.alias)

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE cachewise_item SET name = 'raw'")

    ways: dict[str, Callable[[], object]] = {
        "save": lambda: saved.save(using=connection.alias),
        "update()": lambda: rows.update(name="b"),
        "bulk_create": lambda: rows.bulk_create([item(name="c")]),
        "bulk_update": lambda: rows.bulk_update([saved], ["name"]),
        "raw SQL": raw,
        "m2m": lambda: saved.tags.add(label),
    }
    found = {}
    for what, write in ways.items():
        with _listening((item, item.tags.through)) as heard:
            write()
        found[what] = heard
    return found


SIGNALS = (
    Claim(
        ("db",),
        "update(), bulk_create, bulk_update and raw SQL send no signal; m2m sends only m2m_changed",
        "QuerySet.update, QuerySet.bulk_create, QuerySet.bulk_update",
        _signals,
    ),
)
