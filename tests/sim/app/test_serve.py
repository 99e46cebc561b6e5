"""How requests are served: nothing of one request decides what the next one asks for, or how it is judged."""

from pathlib import Path
from textwrap import dedent

import pytest

from cachewise.sim.application import NO_CACHE
from tests.helpers import SERVERS
from tests.projects import EXPERIMENT, write_project
from tests.sim.app.playing import Play

ABROAD = """
    SECURE_SSL_REDIRECT = True
    LANGUAGE_CODE = "en"
    LANGUAGES = [("en", "English"), ("de", "German")]
    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        *MIDDLEWARE,
        "django.middleware.locale.LocaleMiddleware",
    ]
"""
URLS = """
    from django.conf.urls.i18n import i18n_patterns
    from django.http import HttpResponse
    from django.urls import path
    from django.utils.translation import get_language

    from . import views
    from .models import Product

    def named(request, pk):
        return HttpResponse(f"{get_language()}: {Product.objects.get(pk=pk).price}")

    urlpatterns = [
        *i18n_patterns(path("named/<int:pk>/", named, name="named")),
        path("profile/", views.profile, name="profile"),
    ]
"""
FUNCTIONS = """
    from django.contrib.auth.models import User
    from django.urls import reverse

    @APP.read(per_s=20, args=products)
    def named(client, pk):
        return client.get(reverse("named", args=[pk]))


    @APP.read(per_s=20, args=products)
    def named_in_german(client, pk):
        return client.get(f"/de/named/{pk}/")


    @APP.journey(per_s=1, users=lambda: User.objects.order_by("pk"))
    def new_motto(client, user):
        client.post("/profile/", {"motto": str(len(Profile.objects.get(user=user).motto))})
        APP.judge("own motto", client.get("/profile/"))
"""
USERS = """
    for n in range(3):
        Profile.objects.create(user=User.objects.create_user(f"u{n}"))
"""


@pytest.mark.servers
def test_a_request_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    """Behind HTTPS and in two languages, whatever is read without a cache is true, and no run differs from another."""
    experiment = dedent(EXPERIMENT).replace("threads=4", "threads=1").split("@APP.read")[0]
    experiment = experiment.replace("duration_s=20, warmup_s=5", "duration_s=10, warmup_s=0")
    experiment = experiment.replace("import Category, Product", "import Category, Product, Profile")
    experiment = experiment.replace("def fill():\n", f"def fill():{USERS}") + dedent(FUNCTIONS)
    file = write_project(tmp_path / "project", settings=ABROAD, experiment=experiment, files={"shop/urls.py": URLS})
    with SERVERS.folder() as rows:
        play = Play(file, SERVERS, rows)
        assert play.description.refusals == ()
        outcomes = play.runs([play.errand(NO_CACHE), play.errand(NO_CACHE)])
    first, again = outcomes
    assert not first.failures, first.failures
    shares = {
        row["function"]: (row["reads"] > 0, row["stale_ratio"], row["never_true_ratio"]) for row in first.functions
    }
    assert shares == dict.fromkeys(("named", "named_in_german", "own motto"), (True, 0.0, 0.0))
    assert first.fingerprint == again.fingerprint


def test_a_user_who_pauses_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Between the requests of a journey its worker's one thread serves others; in a request it does not."""
    journey = """
        from django.contrib.auth.models import User

        SCENARIO = Scenario("shop", duration_s=20, warmup_s=0, workers=1, threads=1, cache_rtt_s=0.001, db_read_s=0.001)


        @APP.journey(per_s=0.4, users=lambda: User.objects.order_by("pk"))
        def wander(client, user):
            APP.judge("first look", client.get("/profile/"))
            APP.pause(4)
            APP.judge("second look", client.get("/profile/"))
    """
    experiment = dedent(EXPERIMENT).replace("import Category, Product", "import Category, Product, Profile")
    filled = f"def fill():\n    from django.contrib.auth.models import User\n{USERS}"
    experiment = experiment.replace("def fill():\n", filled)
    file = write_project(tmp_path / "project", experiment=experiment + dedent(journey))
    with SERVERS.folder() as rows:
        play = Play(file, SERVERS, rows)
        reads = play.run(further={**play.errand().further, "reads": True}).reads
    response_s = reads.end_s - reads.arrival_s
    assert reads.function.max() == 2
    assert (reads.function > 0).sum() >= 6
    assert response_s.max() < 1
    assert (reads.start_s > reads.arrival_s).any()  # somebody did wait for the thread


def test_a_login_during_the_run_is_part_of_no_state(tmp_path: Path) -> None:
    """An outdated page of somebody who has just logged in is outdated: when it was true, there was no such session."""
    journey = """
        from django.contrib.auth.models import User

        SCENARIO = Scenario("shop", duration_s=8, warmup_s=2, workers=2, threads=4)


        @APP.journey(per_s=2, users=lambda: User.objects.order_by("pk")[:1])
        def come_back(client, user):
            client.logout()
            client.force_login(user)
            APP.judge("own motto", client.get("/profile/"))


        @APP.journey(per_s=2, users=lambda: User.objects.order_by("pk")[:1])
        def change(client, user):
            Profile.objects.filter(user=user).update(motto=f"motto {__import__('time').time()}")
    """
    experiment = dedent(EXPERIMENT).replace("import Category, Product", "import Category, Product, Profile")
    filled = f"def fill():\n    from django.contrib.auth.models import User\n{USERS}"
    experiment = experiment.replace("def fill():\n", filled) + dedent(journey)
    with SERVERS.folder() as rows:
        outcome = Play(write_project(tmp_path / "project", experiment=experiment), SERVERS, rows).run()
    row = next(row for row in outcome.functions if row["function"] == "own motto")
    assert row["statuses"] == {200: row["reads"]}
    assert row["reads"] > 5
    assert row["stale_ratio"] > 0.5
    assert row["never_true_ratio"] == 0


def test_a_judged_response_with_another_status_is_a_failure(tmp_path: Path) -> None:
    """As a read's is: it is counted, its journey named, and it is neither fresh nor outdated; `expect=` allows it."""
    journey = """
        from django.contrib.auth.models import User


        @APP.journey(per_s=2, users=lambda: User.objects.order_by("pk"))
        def look(client, user):
            APP.judge("lost", client.get("/nowhere/"))
            APP.judge("never there", client.get("/nowhere/"), expect=(200, 404))
    """
    experiment = dedent(EXPERIMENT).replace("import Category, Product", "import Category, Product, Profile")
    filled = f"def fill():\n    from django.contrib.auth.models import User\n{USERS}"
    experiment = experiment.replace("def fill():\n", filled).replace("duration_s=20", "duration_s=5") + dedent(journey)
    with SERVERS.folder() as rows:
        outcome = Play(write_project(tmp_path / "project", experiment=experiment), SERVERS, rows).run()
    lost, allowed = (row for row in outcome.functions if row["function"] in ("lost", "never there"))
    assert lost["reads"] == lost["failures"] == allowed["reads"] > 3
    assert (allowed["failures"], allowed["stale_ratio"]) == (0, 0)
    assert outcome.failures == [("look", lost["reads"], "status 404, but expect= allows only 200")]
