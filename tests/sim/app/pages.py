"""A project whose pages print their row's version, each cached in another manner, and each on a table of its own."""

from pathlib import Path
from textwrap import dedent
from typing import Any

from cachewise import Scenario
from tests.projects import BARE, SQLITE, write_project

TIMEOUT_S = 2
MODELS = """
    from django.db import models


    class Page(models.Model):
        version = models.IntegerField(default=0)


    class Fragment(models.Model):
        version = models.IntegerField(default=0)


    class Deleted(models.Model):
        version = models.IntegerField(default=0)


    class Early(models.Model):
        version = models.IntegerField(default=0)
"""
VIEWS = """
    from django.core.cache import cache
    from django.db import connection, transaction
    from django.http import HttpResponse
    from django.shortcuts import render
    from django.views.decorators.cache import cache_page

    from .models import Deleted, Early, Fragment, Page

    NOTED = []  # called with (table, pk, version) once that is committed


    @cache_page(TIMEOUT_S)
    def page(request, pk):
        return HttpResponse(f"{pk} {Page.objects.get(pk=pk).version}")


    def fragment(request, pk):
        row = Fragment.objects.filter(pk=pk)
        return render(request, "fragment.html", {"pk": pk, "row": row})


    def deleted(request, pk):
        return by_hand(f"deleted:{pk}", Deleted, pk)


    def early(request, pk):
        return by_hand(f"early:{pk}", Early, pk)


    def by_hand(key, model, pk):
        version = cache.get(key)
        if version is None:
            version = model.objects.get(pk=pk).version
            cache.set(key, version, None)
        return HttpResponse(f"{pk} {version}")


    @transaction.atomic
    def bump(request, table, pk):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE shop_{table} SET version = version + 1 WHERE id = %s RETURNING version", [pk])
            (version,) = cursor.fetchone()
        for note in NOTED:
            transaction.on_commit(lambda: note(table, pk, version))
        if table == "deleted":
            transaction.on_commit(lambda: cache.delete(f"deleted:{pk}"))
        elif table == "early":
            cache.set(f"early:{pk}", version, None)
        return HttpResponse("")
""".replace("TIMEOUT_S", str(TIMEOUT_S))
URLS = """
    from django.urls import path

    from . import views

    urlpatterns = [
        path("page/<int:pk>/", views.page),
        path("fragment/<int:pk>/", views.fragment),
        path("deleted/<int:pk>/", views.deleted),
        path("early/<int:pk>/", views.early),
        path("bump/<table>/<int:pk>/", views.bump),
    ]
"""
FRAGMENT = (
    f"{{% load cache %}}{{% cache {TIMEOUT_S} fragment pk %}}"
    "{% for one in row %}{{ one.pk }} {{ one.version }}{% endfor %}{% endcache %}"
)
EXPERIMENT = """
    from cachewise import App, Scenario
    from shop.models import Deleted, Early, Fragment, Page

    APP = App("shop.settings")
    SCENARIO = {scenario!r}
    KEYS = [*range(1, {keys} + 1)]


    @APP.fill
    def fill():
        for model in (Deleted, Early, Fragment, Page):
            model.objects.bulk_create([model(pk=pk) for pk in KEYS])
"""
REQUESTS = """

    @APP.read(per_s={scenario.reads_per_s}, args=KEYS)
    def {name}(client, pk):
        return client.get(f"/{name}/{{pk}}/")


    @APP.write(per_s={scenario.writes_per_s}, args=KEYS)
    def write_{name}(client, pk):
        return client.post(f"/bump/{name}/{{pk}}/")
"""


def pages(folder: Path, scenario: Scenario, *names: str, keys: int = 1, database: str = SQLITE, more: str = "") -> Path:
    """Write the project, and return its experiment's file.

    Each of *names* ("page", "fragment", "deleted", "early") is read and written at the rates of *scenario*; *more*
    stands at the file's end.
    """
    given: dict[str, Any] = {"scenario": scenario, "keys": keys}
    parts = [EXPERIMENT.format(**given), *(REQUESTS.format(**given, name=name) for name in names)]
    experiment = "".join(dedent(part) for part in (*parts, more))
    files = {
        "shop/models.py": MODELS,
        "shop/views.py": VIEWS,
        "shop/urls.py": URLS,
        "templates/fragment.html": FRAGMENT,
    }
    return write_project(folder, settings=BARE, database=database, experiment=experiment, files=files)
