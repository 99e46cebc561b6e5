"""What one request does, another does not see: rows that are handed in, memory, and edits of its own."""

from pathlib import Path

import pytest

from tests.helpers import SERVERS
from tests.projects import write_project
from tests.sim.app.playing import Play

HEAD = """
    from functools import lru_cache

    from cachewise import App, Scenario
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.utils import translation
    from shop.models import Category, Product, Profile

    APP = App("shop.settings")
    SCENARIO = Scenario("shop", duration_s=30, warmup_s=0, workers=2, threads=2)


    def products():
        return Product.objects.order_by("pk").values_list("pk", flat=True)


    @APP.fill
    def fill():
        shelf = Category.objects.create(name="shelf")
        Product.objects.bulk_create([Product(name=f"p{n}", category=shelf) for n in range(9)])
        for n in range(2):
            Profile.objects.create(user=User.objects.create_user(f"u{n}"))


    @APP.write(per_s=0.3)
    def rename(client):
        shelf = Category.objects.get()
        shelf.name += "x"
        shelf.save()
        Profile.objects.update(motto=shelf.name)
"""
REMEMBERED = """
    @lru_cache
    def shelf():
        return Category.objects.get().name


    @APP.read(per_s=10, args=products)
    def page(client, pk):
        return shelf(), Product.objects.get(pk=pk).name
"""
pytestmark = pytest.mark.servers


def figures(folder: Path, experiment: str, *, refused: int = 0) -> dict[str, dict[str, float]]:
    """Return the figures of each read function of a run."""
    play = Play(write_project(folder, experiment=HEAD + experiment), SERVERS, folder / "rows")
    assert len(play.description.refusals) == refused
    return {row["function"]: row for row in play.run().functions}


def test_a_row_that_is_handed_in_is_the_requests_own(tmp_path: Path) -> None:
    """Django keeps related rows at a row: where requests shared it, they would see old ones, and so would the truth."""
    found = figures(
        tmp_path,
        """
    @APP.read(per_s=10, args=lambda: Product.objects.order_by("pk"))
    def shelf_of(client, product):
        return product.category.name


    @APP.read(per_s=10, users=2)
    def motto(client, user):
        return user.profile.motto
    """,
    )
    for row in found.values():
        assert row["statements_per_read"] == 1
        assert row["stale_ratio"] == row["never_true_ratio"] == 0


def test_an_edit_of_something_else_is_no_own_edit(tmp_path: Path) -> None:
    """A user who edits his motto all the time, and sees an old name of the shelf, has not missed an edit of his own."""
    found = figures(
        tmp_path,
        """
    @APP.write(per_s=2, users=2)
    def edit_motto(client, user):
        Profile.objects.filter(user=user).update(motto=str(translation.get_language()))


    @APP.read(per_s=10, users=2)
    def shelf(client, user):
        client.get("/profile/")
        return cache.get_or_set("shelf", lambda: Category.objects.get().name, 600)
    """,
    )["shelf"]
    assert found["stale_ratio"] > 0.3
    assert found["own_edit_unseen_ratio"] == 0


def test_what_a_view_remembers_is_seen(tmp_path: Path) -> None:
    """Evaluations share a process, and what one of them has left in an lru_cache is no truth for another state."""
    found = figures(tmp_path, REMEMBERED)["page"]
    assert found["stale_ratio"] > 0.7
    assert found["never_true_ratio"] == 0


def test_what_the_projects_memory_holds_may_be_older_than_every_copy(tmp_path: Path) -> None:
    """A row that an lru_cache has kept since the warm-up is outdated: the state that it was true on is there still."""
    later = """
    SCENARIO = Scenario("shop", duration_s=15, warmup_s=25, workers=1, threads=2)
    """
    found = figures(tmp_path, later + REMEMBERED)["page"]
    assert found["stale_ratio"] == 1


def test_a_response_is_judged_with_the_cookies_that_were_sent(tmp_path: Path) -> None:
    """Also where the user has logged out since."""
    found = figures(
        tmp_path,
        """
    @APP.journey(per_s=2, users=2)
    def leave(client, user):
        client.force_login(user)
        cache.delete(f"profile:{user.pk}")
        page = client.get("/profile/")
        client.logout()
        APP.judge("profile", page)


    @APP.read(per_s=1, args=products)
    def product(client, pk):
        return client.get(f"/product/{pk}/")
    """,
    )["profile"]
    assert found["reads"] > 30
    assert found["never_true_ratio"] == 0


def test_a_transaction_ends_with_its_request(tmp_path: Path) -> None:
    """A request that leaves autocommit off, with a change that is not committed, is in nobody's way."""
    found = figures(
        tmp_path,
        """
    from django.db import transaction


    @APP.write(per_s=1)
    def leave_it_off(client):
        transaction.set_autocommit(False)
        Product.objects.update(price=1000)
        transaction.commit()
        Product.objects.update(price=-5)


    @APP.read(per_s=10, args=products)
    def price(client, pk):
        return Product.objects.get(pk=pk).price
    """,
        refused=1,  # where a function is shown, there is one transaction around all
    )["price"]
    assert found["stale_ratio"] == found["never_true_ratio"] == 0
