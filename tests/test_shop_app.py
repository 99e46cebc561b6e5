"""The shop that ships, under Django's plain test client and a real cache: each page is cached as its comment says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers import ROOT, SERVERS, cli

SHOP = ROOT / "scenarios" / "apps" / "shop"
START = """
    import json, os, re, sys
    sys.path.insert(0, os.environ["SHOP"])
    from django.conf import settings
    settings.DATABASES["default"]["NAME"] = os.environ["ROWS"]
    settings.CACHES["default"] |= json.loads(os.environ["CACHE"])
    for name, value in json.loads(os.environ["OVERRIDES"]).items():
        setattr(settings, name, value)
    import django
    django.setup()
    from django.core.management import call_command
    from django.test import Client
    call_command("migrate", verbosity=0)
    import cache_experiment as experiment
    from cache_experiment import APP, Article, Product, Profile, User, cache, transaction
    APP.filling()
    APP.pause = lambda seconds: None  # real time would pass
    client, product, article = Client(), Product.objects.get(pk=1), Article.objects.get(pk=1)
    code = {variant.name: variant.code for variant in APP.variants}

    def text(response, pattern):
        return re.search(pattern, response.content.decode()).group(1)

    def list_price():
        return int(text(experiment.product_list(client), ">Product 1</a> ([0-9]+)"))

    def page():
        shown = experiment.product_page(client, 1)
        return int(text(shown, "Price: ([0-9]+)")), int(text(shown, "([0-9]+) left"))

    def cheapest():
        return text(experiment.bargains(client), "Product 1 ([0-9]+, [0-9]+) left")

    def lead():
        return text(experiment.news(client), "News 1</h2><p>(.*)</p>")

    def city_after_edit(user):
        judged = []
        APP.judging = lambda name, response, expect: judged.append(response)
        visitor = Client()
        visitor.force_login(user)
        experiment.edit_profile(visitor, user)
        (response,) = judged
        return text(response, "You live in (.*)[.]"), Profile.objects.get(user=user).city

    facts = {}
"""


def told(tmp_path: Path, backend: str, steps: str, overrides: Any = ()) -> dict[str, Any]:
    """Return the facts that *steps* have found in a process of their own, with the shop set up and filled."""
    rows = tmp_path / "rows.sqlite3"
    rows.unlink(missing_ok=True)
    cache = {"LOCATION": "shop"} if backend == "locmem" else {}
    if backend == "redis":
        server = SERVERS.start("redis", virtual=False)
        server.flush()
        cache["LOCATION"] = server.location
    else:
        cache["BACKEND"] = "django.core.cache.backends.locmem.LocMemCache"
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "SHOP": str(SHOP),
        "ROWS": str(rows),
        "OVERRIDES": json.dumps(dict(overrides)),
        "CACHE": json.dumps(cache),
    }
    program = dedent(START) + dedent(steps) + "print(json.dumps(facts))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("backend", ["locmem", "redis"])
def test_each_page_is_cached_as_its_comment_says(tmp_path: Path, backend: str) -> None:
    """After a change: the list is loaded anew; the fragment, the query, the whole page and the profile are not."""
    facts = told(
        tmp_path,
        backend,
        """
        facts["before"] = list_price(), page(), cheapest(), lead()
        statuses = [experiment.change_prices(client, 1), experiment.buy(client, 1), experiment.edit_article(client, 1)]
        facts["statuses"] = [response.status_code for response in statuses]
        facts["after"] = list_price(), page(), cheapest(), lead()
        product.refresh_from_db(), article.refresh_from_db()
        facts["rows"] = product.price, product.stock, article.body, product.price_changes.get().old_price
        facts["city"] = city_after_edit(User.objects.get(pk=1))
        """,
    )
    assert facts == {
        "before": [590, [590, 1000], "590, 1000", "Edition 1"],
        "statuses": [302, 302, 302],
        "after": [595, [590, 999], "590, 1000", "Edition 1"],
        "rows": [595, 999, "Edition 2", 590],
        "city": ["Town 1", "Town 2"],
    }


@pytest.mark.parametrize("backend", ["locmem", "redis"])
def test_a_deploy_logs_everybody_out(tmp_path: Path, backend: str) -> None:
    """The sessions are in the cache that it empties; the journey logs its user in again."""
    facts = told(
        tmp_path,
        backend,
        """
        client.force_login(User.objects.get(pk=1))
        facts["before"] = client.get("/profile/").status_code
        experiment.deploy()
        facts["after"] = client.get("/profile/").headers["Location"]
        facts["there"] = client.get(facts["after"]).status_code
        APP.judging = lambda name, response, expect: facts.setdefault("judged", response.status_code)
        experiment.edit_profile(client, User.objects.get(pk=1))
        """,
    )
    assert facts == {"before": 200, "after": "/login/?next=/profile/", "there": 200, "judged": 200}


@pytest.mark.parametrize("variant", ["as it is", "on commit", "versioned key"])
def test_when_the_list_is_forgotten(tmp_path: Path, variant: str) -> None:
    """A reader between the save and the commit caches the old row for good, unless the list is forgotten later."""
    facts = told(
        tmp_path,
        "redis",
        f"""
        if {variant!r} in code:
            code[{variant!r}]()
        from threading import Thread
        from django.db import connection
        list_price()

        def read_elsewhere():  # another thread: its connection does not see what is not committed
            facts["meanwhile"] = list_price()
            connection.close()

        with transaction.atomic():
            product.price += 5
            product.save()
            reader = Thread(target=read_elsewhere)
            reader.start()
            reader.join()
        facts["later"] = list_price()
        facts["city"] = city_after_edit(User.objects.get(pk=1))
        """,
    )
    cured = variant != "as it is"
    assert facts == {
        "meanwhile": 590,
        "later": 595 if cured else 590,
        "city": ["Town 2" if cured else "Town 1", "Town 2"],
    }


DROPPED = {"cachalot": "cachalot.signals.post_invalidation", "cacheops": "cacheops.signals.cache_invalidated"}
ORDER = """
    from django.utils.module_loading import import_string

    happened, real_commit = [], connection._commit

    def on_statement(execute, sql, *rest):
        done = execute(sql, *rest)
        happened.extend(["statement"] * sql.startswith("UPDATE"))
        return done

    def on_commit():
        real_commit()
        happened.append("commit")

    def on_dropped(*_, **__):
        happened.append("dropped")

    def order(change):
        happened.clear()
        change()
        return list(dict.fromkeys(happened))

    connection._commit = on_commit
    import_string(DROPPED).connect(on_dropped)
    with connection.execute_wrapper(on_statement):
        facts["order"] = order(product.save), order(transaction.atomic(product.save))
"""


@pytest.mark.parametrize(("variant", "sees_updates"), [("cachalot", True), ("cacheops", False)])
def test_cached_queries_after_row_changes(tmp_path: Path, variant: str, sees_updates: bool) -> None:
    """Both cache a query, and forget it when a row is saved; `update()` tells cacheops nothing.

    In a transaction both forget after its commit. Without one cachalot forgets before the statement has run.
    """
    find = "facts |= next(one for one in APP.variants if one.name == NAME).settings(settings)\n"
    overrides = told(tmp_path, "redis", find.replace("NAME", repr(variant)))
    facts = told(
        tmp_path,
        "redis",
        dedent("""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def price():  # of a query that is like those of the pages
            with CaptureQueriesContext(connection) as queries:
                return list(Product.objects.filter(pk=1))[0].price, len(queries)

        facts["twice"] = price(), price()
        product.price = 600
        product.save()
        facts["saved"] = price(), price()
        Product.objects.filter(pk=1).update(price=700)
        facts["updated"] = price()[0]
        """)
        + dedent(ORDER).replace("DROPPED", repr(DROPPED[variant])),
        overrides,
    )
    at_once = ["dropped", "statement"] if variant == "cachalot" else ["statement", "dropped"]
    assert facts == {
        "twice": [[590, 1], [590, 0]],
        "saved": [[600, 1], [600, 0]],
        "updated": 700 if sees_updates else 600,
        "order": [at_once, ["statement", "commit", "dropped"]],
    }


def test_a_variant_whose_package_is_not_there_says_so() -> None:
    """It stands among the variants, with a line that says what to install."""
    from cachewise.sim.application import Variant

    assert Variant("mine", needs="pytest").missing == ""
    assert Variant("mine", needs="no-such-package").missing == "variant 'mine' is left out: pip install no-such-package"


@pytest.mark.servers
@pytest.mark.parametrize("database", [[], ["--database", "postgres"]], ids=["sqlite", "postgres"])
def test_the_command_knows_it_by_name(tmp_path: Path, database: list[str]) -> None:
    """`cachewise run shop_app` plays it, on both kinds of databases, wherever one is; nothing is left beside it."""
    before = sorted(path.name for path in SHOP.rglob("*") if path.suffix != ".pyc")
    short = ["--variant", "on commit", "--duration", "2", "--set", "warmup_s=1", "--format", "json"]
    done = cli("run", "shop_app", *short, *database, cwd=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["variant"] for row in rows} == {"as it is", "on commit", "no cache"}
    assert {row["errors"] for row in rows} == {0}
    assert sorted(path.name for path in SHOP.rglob("*") if path.suffix != ".pyc") == before


def test_it_is_listed_with_the_scenarios() -> None:
    """With what it is about, and without being run."""
    lines = cli("list", "scenarios").stdout.splitlines()
    assert lines[lines.index("shop_app") + 1].startswith("    A small Django shop that caches each page in another way")
