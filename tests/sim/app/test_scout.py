"""The scout: what it tells of an experiment, and the filled databases that it keeps."""

import pickle
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cachewise import Scenario, UserError, servers
from cachewise.sim.app.description import Contender, Description, Function, NeedsPostgres, SessionCache
from cachewise.sim.app.launch import run_one
from tests.helpers import SERVERS
from tests.projects import EXPERIMENT, POSTGRES, SQLITE, write_project
from tests.sim.app.playing import Play
from tests.sim.app.test_launch import errand_of

MORE = dedent(EXPERIMENT) + dedent(
    """
    from django.contrib.auth.models import User


    @APP.read(per_s=2, users=lambda: User.objects.order_by("pk"))
    def own_profile(client, user):
        return client.get("/profile/")


    @APP.journey(per_s=0.5, users=lambda: User.objects.all()[:2])
    def edit(client, user): ...


    @APP.at(10)
    def deploy(): ...


    APP.variant("60 s", timeouts={"*": 60})
    APP.variant("settings", settings=lambda s: {"CACHE_MIDDLEWARE_SECONDS": len(s.INSTALLED_APPS)})


    @APP.variant("both", timeouts={"*": 60})
    def both(): ...
    """
)
USERS = """
    for n in range(3):
        __import__("django.contrib.auth.models").contrib.auth.models.User.objects.create_user(f"u{n}")
"""


def told(file: Path, **further: Any) -> Description:
    """Return what the scout tells of the experiment in *file*."""
    with servers() as session, session.folder() as rows:
        found: Description = run_one(errand_of(file, rows, **further), session).opened()
        return found


def test_what_a_scout_tells(tmp_path: Path) -> None:
    """Functions with their arguments and users, variants with their settings, the scenario and the kinds of caches."""
    experiment = MORE.replace("def fill():\n", f"def fill():{USERS}")
    found = told(write_project(tmp_path, experiment=experiment))
    assert found.functions == (
        Function("read", "product_page", 20.0, arguments=20),
        Function("read", "own_profile", 2.0, users=3),
        Function("write", "change_price", 1.0, arguments=20),
        Function("journey", "edit", 0.5, users=2),
        Function("at", "deploy", at_s=10.0),
    )
    assert found.variants == (
        Contender("as it is"),
        Contender("60 s", ("timeouts",)),
        Contender("settings", ("settings",), pickle.dumps({"CACHE_MIDDLEWARE_SECONDS": 4})),
        Contender("both", ("timeouts", "code")),
        Contender("no cache"),
    )
    assert found.scenario == Scenario("shop", duration_s=20, warmup_s=5, workers=2, threads=4)
    assert (found.family, found.kept) == ("sqlite", False)
    assert found.caches == {"default": "django.core.cache.backends.locmem.LocMemCache"}
    assert not (tmp_path / "live.sqlite3").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('APP.variant("x", settings=lambda s: {"x": 5})', r"it must be a mapping of settings"),
        ('APP.variant("x", settings=lambda s: {"F": lambda: 1})', r"settings= F cannot be sent to another process"),
        ('APP.variant("x", settings=lambda s: {"DATABASES": {}})', r"adds or removes databases"),
        ('APP.variant("x", settings=lambda s: s.NOSUCH)', r"line 28: AttributeError: the settings have no NOSUCH"),
        ("SCENARIO = 5", "SCENARIO must be a Scenario"),
        ("APP.read(per_s=1, args=[])(lambda client: 1)", "args are empty"),
    ],
)
def test_what_a_scout_refuses(tmp_path: Path, line: str, said: str) -> None:
    """One line, with its place in the file where it has one."""
    with pytest.raises(UserError, match=said):
        told(write_project(tmp_path, experiment=f"{dedent(EXPERIMENT)}\n\n{line}\n"))


def test_a_filled_database_is_kept(tmp_path: Path) -> None:
    """It is used again while nothing has changed that fills it: a view may, a model or the file may not."""
    file = write_project(tmp_path / "project")
    kept = str(tmp_path / "kept")
    assert not told(file, kept=kept).kept
    views, models = (tmp_path / "project" / "shop" / f"{name}.py" for name in ("views", "models"))
    views.write_text(f"{views.read_text()}\n# another\n")
    assert told(file, kept=kept).kept
    models.write_text(f"{models.read_text()}\n# another\n")
    assert not told(file, kept=kept).kept
    file.write_text(file.read_text().replace("range(20)", "range(30)"))
    found = told(file, kept=kept)
    assert (found.kept, found.functions[0].arguments) == (False, 30)
    assert not told(file, kept=kept, refill=True).kept


def test_what_is_kept_is_what_was_filled(tmp_path: Path) -> None:
    """Both times the rows are the same, to the byte."""
    file = write_project(tmp_path / "project")
    dumps = []
    for _ in range(2):
        with servers() as session, session.folder() as rows:
            found = run_one(errand_of(file, rows, kept=str(tmp_path / "kept")), session).opened()
            with closing(sqlite3.connect(found.places["default"]["NAME"])) as connection:
                dumps.append([*connection.iterdump()])
    assert dumps[0] == dumps[1]
    assert any("p19" in line for line in dumps[0])


def test_where_sessions_are_kept_alone(tmp_path: Path) -> None:
    """Of each variant, with its own settings: the cache, and whether that keeps anything."""
    engine = "django.contrib.sessions.backends.cache"
    variants = """
        OFF = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        APP.variant("off", settings={"CACHES": OFF})
        APP.variant("both", settings={"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"})
    """
    experiment = dedent(EXPERIMENT) + dedent(variants)
    found = told(write_project(tmp_path, settings=f"    SESSION_ENGINE = {engine!r}\n", experiment=experiment))
    kept = SessionCache(engine, "default")
    assert {one.name: one.sessions for one in found.variants} == {
        "as it is": kept,
        "off": SessionCache(engine, "default", keeps=False),
        "both": None,
        "no cache": kept,
    }


FIXTURE = '[{"model": "shop.category", "pk": %d, "fields": {"name": "one"}}]'


def test_fixtures(tmp_path: Path) -> None:
    """They are loaded by name; another content fills the databases anew. An app without tables is named."""
    experiment = dedent(EXPERIMENT).replace('App("shop.settings")', 'App("shop.settings", fill="rows.json")')
    experiment += """

@APP.read(per_s=1, args=lambda: Category.objects.values_list("pk", flat=True))
def listing(client, pk):
    return client.get(f"/listing/{pk}/")


APP.variant("more", settings=lambda s: {"INSTALLED_APPS": [*s.INSTALLED_APPS, "django.contrib.sites"]})
"""
    file = write_project(tmp_path / "project", experiment=experiment, files={"shop/fixtures/rows.json": FIXTURE % 7})
    kept = str(tmp_path / "kept")
    found = told(file, kept=kept)
    assert (found.functions[1].arguments, found.kept) == (2, False)
    (note,) = found.notes
    assert note.startswith("variant more: the tables of django.contrib.sites are not created")
    (tmp_path / "project" / "shop" / "fixtures" / "rows.json").write_text(FIXTURE % 1)
    assert not told(file, kept=kept).kept


@pytest.mark.servers
def test_postgres_comes_when_it_is_asked_for(tmp_path: Path) -> None:
    """The first scout says that it needs one, the second fills it, the third finds it kept."""
    file = write_project(tmp_path / "project", database=POSTGRES)
    kept = str(tmp_path / "kept")
    with servers() as session, session.folder() as rows:
        assert run_one(errand_of(file, rows), session).opened() == NeedsPostgres()
        server: Any = session.start("postgres", virtual=False)
        found = run_one(errand_of(file, rows, kept=kept, postgres=server.database), session).opened()
        assert (found.family, found.kept, found.functions[0].arguments) == ("postgres", False, 20)
        with session.folder() as others:
            again = run_one(errand_of(file, others, kept=kept, postgres=server.database), session).opened()
    assert (again.kept, again.functions) == (True, found.functions)


def test_what_a_view_does_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    """An error page names what was raised and where, a page that is missing its path, a call what it was given."""
    reads = """
        @APP.read(per_s=1)
        def no_product(client):
            return client.get("/product/1000/")


        @APP.read(per_s=1)
        def no_page(client):
            return client.get("/prodcut/1/?token=secret")


        @APP.read(per_s=1, args=products)
        def no_argument(client):
            return client.get("/product/1/")
    """
    file = write_project(tmp_path, experiment=dedent(EXPERIMENT).split("@APP.read")[0] + dedent(reads))
    line = next(
        n for n, text in enumerate((tmp_path / "shop/views.py").read_text().splitlines(), 1) if ".get(pk" in text
    )
    assert told(file).refusals == (
        (
            "read no_product: status 500 of GET /product/1000/: DoesNotExist: Product matching query does not exist. "
            f"(shop/views.py, line {line})"
        ),
        "read no_page: status 404 of GET /prodcut/1/; correct the request, or say expect=404",
        (
            "read no_argument: it is called with the client and 1 more: the user, if there are users=, then an entry "
            "of args=; too many positional arguments"
        ),
    )


JUDGED_VIEWS = """
    import random
    import time

    from django.db.models import F
    from django.http import HttpResponse

    from .models import Product


    def drawn(request):
        return HttpResponse(f"{random.random()}")


    def dated(request):
        return HttpResponse(f"{int(time.time())}")


    def counted(request):
        Product.objects.update(price=F("price") + 1)
        return HttpResponse(f"seen {Product.objects.first().price} times")
"""
JUDGED_URLS = """
    from django.urls import path

    from . import judged, views

    urlpatterns = [
        path("drawn/", judged.drawn),
        path("dated/", judged.dated),
        path("counted/", judged.counted),
        path("price/<int:pk>/", views.price, name="price"),
        path("product/<int:pk>/", views.product, name="product"),
        path("profile/", views.profile, name="profile"),
    ]
"""
JUDGED = """
    from django.contrib.auth.models import User


    def everybody():
        return User.objects.order_by("pk")


    @APP.journey(per_s=1, users=everybody)
    def odd(client, user):
        for _ in range(3):
            APP.judge("drawn", client.get("/drawn/"))
        APP.judge("dated", client.get("/dated/"))
        APP.judge("nowhere", client.get("/nowhere/"))
        client.logout()
        APP.judge("own", client.get("/profile/"))


    @APP.journey(per_s=1, users=everybody)
    def changing(client, user):
        APP.judge("price", client.post("/price/1/"))


    @APP.journey(per_s=1, users=everybody)
    def borrowed(client, user):
        from django.http import HttpResponse

        APP.judge("made", HttpResponse("made"))


    @APP.journey(per_s=1, users=everybody)
    def steady(client, user):
        APP.judge("before", client.get("/product/1/"))
        APP.pause(1_000_000)
        client.post("/price/1/")
        APP.judge("after", client.get("/product/1/"))
        APP.judge("counted", client.get("/counted/"))
        APP.judge("nowhere, as expected", client.get("/nowhere/"), expect=(200, 404))
"""


@pytest.mark.servers
@pytest.mark.parametrize("database", [SQLITE, POSTGRES])
def test_what_a_journey_judges_must_be_a_read(tmp_path: Path, database: str) -> None:
    """The same is refused as of reads, in the same list; what comes before a change of the journey's own is none."""
    experiment = dedent(EXPERIMENT).split("@APP.read")[0].replace("def fill():\n", f"def fill():{USERS}")
    files = {"shop/judged.py": JUDGED_VIEWS, "shop/urls.py": JUDGED_URLS}
    file = write_project(tmp_path, database=database, experiment=experiment + dedent(JUDGED), files=files)
    with SERVERS.folder() as rows:
        refusals = Play(file, SERVERS, rows).description.refusals
    whole = "let an @APP.read read it, and name what matters with judge="
    assert [re.sub(r" \(from byte.*\)", "", line) for line in refusals] == [
        f"journey odd: APP.judge('drawn'): it gives two results on the same rows; {whole}",
        f"journey odd: APP.judge('dated'): it depends on the clock: a day later it differs; {whole}",
        ("journey odd: APP.judge('nowhere'): status 404 of GET /nowhere/; correct the request, or say expect=404"),
        (
            "journey odd: APP.judge('own'): status 302 of GET /profile/ to /accounts/login/: is its user logged in?; "
            "correct the request, or say expect=302"
        ),
        "journey changing: APP.judge('price') takes the response to a GET: to find the truth, it is sent again",
        "journey borrowed: APP.judge('made') takes a response of the journey's own client",
    ]
