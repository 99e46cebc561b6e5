"""What code does today, and what it is called here: one table, in three places, and true by Django's own code.

When django-cachalot and django-cacheops drop what is cached is in `tests/test_shop_app.py`.
"""

from pathlib import Path

import pytest

from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.command.today import TODAY, USUAL
from cachewise.strategies import STRATEGIES
from tests.docs.pages import PAGES, README, succeed, table
from tests.test_shop_app import told


def test_the_pages_have_the_table() -> None:
    """Row by row: the README the usual ones, the page of the strategies all."""
    rows = [[one.code, one.here] for one in TODAY]
    assert table(README, "what your code does today") == rows[:USUAL]
    assert table(PAGES["docs/strategies.md"], "what your code does today") == rows


def test_the_command_line_has_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the strategies, without the marks of Markdown."""
    monkeypatch.setenv("COLUMNS", "0")
    succeed("list", "strategies")
    listed = capsys.readouterr().out.split("what it is called here:\n\n")[1]
    assert listed == "".join(f"{one.code}\n    {one.here}\n" for one in TODAY).replace("`", "")


def test_it_names_strategies_that_a_project_can_have() -> None:
    """Each as `--strategy` takes it; not the one that nobody can build."""
    named = {choose_strategy(one.strategy, STRATEGIES).name for one in TODAY}
    assert "oracle" not in named


def test_where_django_sends_its_signals(tmp_path: Path) -> None:
    """In autocommit after a save has committed, but inside a transaction for the rest."""
    facts = told(
        tmp_path,
        "locmem",
        """
        from django.contrib.auth.models import Group
        from django.db import connection
        from django.db.models.signals import m2m_changed, post_delete, post_save

        def inside(signal, change):
            seen = []
            note = lambda **_: seen.append(connection.in_atomic_block)
            signal.connect(note)
            change()
            signal.disconnect(note)
            return sorted(set(seen))

        user, group = User.objects.get(pk=1), Group.objects.create(name="editors")
        facts["save"] = inside(post_save, product.save)
        facts["update_or_create"] = inside(post_save, lambda: Product.objects.update_or_create({'price': 5}, pk=1))
        facts["many to many"] = inside(m2m_changed, lambda: user.groups.add(group))
        facts["delete"] = inside(post_delete, group.delete)
        """,
    )
    assert facts == {"save": [False], "update_or_create": [True], "many to many": [True], "delete": [True]}


def test_how_often_django_calls_the_cache(tmp_path: Path) -> None:
    """A page takes two calls for a hit, a fragment one; `get_or_set` takes three for a miss."""
    facts = told(
        tmp_path,
        "locmem",
        """
        from django.core.cache.backends.locmem import LocMemCache

        made = []
        for name in ("get", "set", "add"):
            def call(self, *args, real=getattr(LocMemCache, name), called=name, **options):
                made.append(called)
                return real(self, *args, **options)
            setattr(LocMemCache, name, call)

        def calls(func):
            made.clear()
            func()
            return list(made)

        for name, url in (("news", "/news/"), ("page", "/products/1/")):
            facts[name] = [calls(lambda: client.get(url)) for _ in range(2)]
        facts["get_or_set"] = calls(lambda: cache.get_or_set("new", 1, 300))
        """,
    )
    assert facts == {
        "news": [["get", "set", "set"], ["get", "get"]],
        "page": [["get", "set"], ["get"]],
        "get_or_set": ["get", "add", "get"],
    }
