"""Runs of a small shop: what its requests give, whose edits are not seen, what fails, what changes nothing."""

import sqlite3
from typing import Any, NamedTuple

import pytest

from cachewise.sim.app.outcome import AppOutcome
from cachewise.sim.application import START
from cachewise.sim.verdict.tally import LOAD_BINS
from tests.helpers import SERVERS
from tests.projects import VIEWS, write_project
from tests.sim.app.playing import Play

MORE_VIEWS = """

    def fragile(request, pk):
        if Product.objects.get(pk=pk).price > 1:
            raise LookupError("nobody expected that")
        return HttpResponse("fine")


    def cheap(request, pk):
        price = Product.objects.get(pk=pk).price
        return HttpResponse("cheap", status=200 if price == 1 else 404)

"""
URLS = """
    from django.urls import path

    from . import views

    urlpatterns = [
        path("product/<int:pk>/", views.product, name="product"),
        path("price/<int:pk>/", views.price, name="price"),
        path("profile/", views.profile, name="profile"),
        path("fragile/<int:pk>/", views.fragile),
        path("cheap/<int:pk>/", views.cheap),
    ]
"""
EXPERIMENT = """
    from django.contrib.auth.models import User
    from django.core.cache import cache

    from cachewise import App, Scenario
    from shop.models import Category, Product, Profile

    APP = App("shop.settings")
    SCENARIO = Scenario(
        "shop", duration_s=20, warmup_s=2, workers=2, threads=2, db_read_s="lognormal:0.02:0.8",
        db_commit_s=0.01, cache_rtt_s="lognormal:0.002:0.5", render_s=0.005,
    )


    def products():
        return Product.objects.order_by("pk").values_list("pk", flat=True)


    @APP.fill
    def fill():
        shelf = Category.objects.create(name="shelf")
        Product.objects.bulk_create([Product(name=f"p{n}", category=shelf) for n in range(3)])
        users = User.objects.bulk_create(User(username=f"u{n}") for n in range(6))
        Profile.objects.bulk_create(Profile(user=user) for user in users)


    @APP.read(per_s=20, args=products)
    def product_page(client, pk):
        return client.get(f"/product/{pk}/")


    @APP.read(per_s=5, users=3)
    def own_page(client, user):
        return client.get("/profile/")


    @APP.read(per_s=2, args=products)
    def fragile(client, pk):
        return client.get(f"/fragile/{pk}/")


    @APP.read(per_s=2, args=products)
    def cheap(client, pk):
        return client.get(f"/cheap/{pk}/")


    @APP.read(per_s=1, args=products)
    def by_hand(client, pk):
        if Product.objects.get(pk=pk).price > 1:
            raise SystemExit("not even a page")
        return Product.objects.values_list("name", flat=True)


    @APP.write(per_s=0.5, args=products)
    def change_price(client, pk):
        return client.post(f"/price/{pk}/")


    @APP.journey(per_s=1, users=lambda: User.objects.order_by("-pk")[:3])
    def edit(client, user):
        motto = Profile.objects.get(user=user).motto
        client.post("/profile/", {"motto": motto + "!"})
        APP.pause(0.5)
        APP.judge("after_edit", client.get("/profile/"))


    @APP.at(10)
    def deploy():
        cache.clear()


    @APP.variant("touches nothing")
    def touches_nothing(): ...


    APP.variant("own cure", timeouts={"profile:*": 0})
"""


class Runs(NamedTuple):
    """Runs of one project."""

    as_it_is: AppOutcome
    touches_nothing: AppOutcome
    cured: AppOutcome
    no_cache: AppOutcome


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Play the shop."""
    folder = tmp_path_factory.mktemp("shop")
    files = {"shop/views.py": VIEWS + MORE_VIEWS, "shop/urls.py": URLS}
    file = write_project(folder / "project", experiment=EXPERIMENT, files=files)
    play = Play(file, SERVERS, folder / "rows")
    assert play.description.refusals == ()
    return Runs(*play.runs([play.errand(name) for name in ("as it is", "touches nothing", "own cure", "no cache")]))


def row(outcome: AppOutcome, function: str) -> dict[str, Any]:
    """Return the figures of a read function."""
    (found,) = (one for one in outcome.functions if one["function"] == function)
    return found


def test_a_variant_that_changes_nothing_gives_the_same_run(runs: Runs) -> None:
    """To the last read, in another process; one other timeout gives another."""
    assert runs.touches_nothing.fingerprint == runs.as_it_is.fingerprint
    assert repr(runs.touches_nothing.functions) == repr(runs.as_it_is.functions)
    assert len({runs.as_it_is.fingerprint, runs.cured.fingerprint, runs.no_cache.fingerprint}) == 3


def test_what_a_run_was_played_with_is_told(runs: Runs) -> None:
    """Its database, the start, each function's rate, and what the variant changes."""
    found = runs.cured.setup
    assert found is not None
    assert (found.database, found.database_asked) == (f"SQLite {sqlite3.sqlite_version}", False)
    assert found.start_s == START.timestamp()
    rates = [("read", "product_page", 20), ("read", "own_page", 5), ("read", "fragile", 2), ("read", "cheap", 2)]
    rates += [("read", "by_hand", 1), ("write", "change_price", 0.5), ("journey", "edit", 1)]
    assert found.rates == tuple(rates)
    assert [one.setup and one.setup.changes for one in runs] == [(), ("code",), ("timeouts",), ()]


def test_each_function_has_its_row(runs: Runs) -> None:
    """In the order of the file, those that journeys judge last; every variant has served the same requests."""
    names = ["product_page", "own_page", "fragile", "cheap", "by_hand", "after_edit"]
    for outcome in runs:
        assert [one["function"] for one in outcome.functions] == names
        assert [one["reads"] for one in outcome.functions] == [one["reads"] for one in runs.as_it_is.functions]
    assert 300 < row(runs.as_it_is, "product_page")["reads"] < 500


def test_an_own_edit_that_is_not_seen(runs: Runs) -> None:
    """A journey's page after the edit is outdated, and the edit was the user's own; a deploy empties the cache."""
    found = row(runs.as_it_is, "after_edit")
    assert found["stale_ratio"] > 0.5
    assert found["own_edit_unseen_ratio"] == found["stale_ratio"]
    assert row(runs.cured, "after_edit")["stale_ratio"] == 0
    assert row(runs.cured, "after_edit")["hit_ratio"] == 0


def test_pages_of_users_who_edit_nothing(runs: Runs) -> None:
    """They are logged in, and what others have edited is not theirs."""
    found = row(runs.as_it_is, "own_page")
    assert found["statuses"] == {200: found["reads"]}
    assert (found["stale_ratio"], found["own_edit_unseen_ratio"], found["failures"]) == (0, 0, 0)


def test_without_a_cache_everything_is_true(runs: Runs) -> None:
    """No read is outdated or never true, and each asks the database."""
    summary = runs.no_cache.outcome.summary
    assert (summary["stale_ratio"], summary["never_true_ratio"]) == (0, 0)
    assert row(runs.no_cache, "product_page")["statements_per_read"] == 1
    assert row(runs.as_it_is, "product_page")["statements_per_read"] < 1
    assert row(runs.as_it_is, "product_page")["hit_ratio"] > 0.5


def test_a_failure_is_counted_and_the_run_goes_on(runs: Runs) -> None:
    """What a view raises, a status that was not expected, and what the function itself raises: each with the first."""
    failures = {name: (count, frames) for name, count, frames in runs.as_it_is.failures}
    assert failures.keys() == {"fragile", "cheap", "by_hand"}
    for name, (count, _frames) in failures.items():
        assert count == row(runs.as_it_is, name)["failures"] > 0
        assert count < row(runs.as_it_is, name)["reads"]
    assert "LookupError: nobody expected that" in failures["fragile"][1]
    assert "views.py" in failures["fragile"][1]
    assert failures["cheap"][1] == "status 404, but expect= allows only 200"
    assert failures["by_hand"][1].endswith("SystemExit: not even a page\n")
    statuses = row(runs.as_it_is, "fragile")["statuses"]
    assert statuses[500] == failures["fragile"][0]
    assert statuses[200] == row(runs.as_it_is, "fragile")["reads"] - statuses[500]


def test_an_event_happens_once(runs: Runs) -> None:
    """At its second, counted from the warm-up's end, with figures over time; sessions in the database are kept."""
    assert runs.as_it_is.events == [(8.0, "deploy")]
    assert {len(one) for one in runs.as_it_is.over_time.values()} == {LOAD_BINS}
    assert runs.as_it_is.logouts == 0


def test_a_page_takes_what_its_parts_take(runs: Runs) -> None:
    """A hit takes the making of the page and a round trip, and a miss a query besides."""
    assert 0.005 < row(runs.as_it_is, "product_page")["response_p50_s"] < 0.02
    assert row(runs.no_cache, "product_page")["response_p50_s"] > 0.02


def test_call_sites(runs: Runs) -> None:
    """The line that caches the profile is to blame for all that is outdated there."""
    site = next(one for one in runs.as_it_is.sites if one["pattern"] == "profile:*" and one["hits"])
    after = row(runs.as_it_is, "after_edit")
    assert site["site"].startswith("shop/views.py:")
    assert site["timeout"] == 600
    assert site["outdated_reads"] == round(after["stale_ratio"] * after["reads"])
