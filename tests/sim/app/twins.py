"""Three strategies once more, as a project of one's own writes them: views, a model, signals of its own making."""

from pathlib import Path
from textwrap import dedent

from cachewise import Scenario
from cachewise.strategies import DeleteOnWrite, TtlOnly, WriteThrough
from tests.projects import BARE, write_project

TWINS = {"ttl-only": TtlOnly(20), "delete-on-write": DeleteOnWrite(20), "write-through": WriteThrough(20)}
KEYS = 12
MODELS = """
    from django.db import models


    class Row(models.Model):
        key = models.CharField(max_length=20, unique=True)
        version = models.IntegerField(default=0)
"""
VIEWS = """
    from django.core.cache import cache
    from django.db import connection, transaction
    from django.http import HttpResponse

    from .models import Row

    BUMP = "UPDATE shop_row SET version = version + 1 WHERE key = %s RETURNING version"


    def read(request, key):
        version = cache.get(key)
        if version is None:
            version = Row.objects.get(key=key).version
            cache.set(key, version, 20)
        return HttpResponse(str(version))


    def bump(key):
        with connection.cursor() as cursor:
            cursor.execute(BUMP, [key])
            return cursor.fetchone()[0]


    @transaction.atomic
    def ttl_only(request, key):
        bump(key)
        return HttpResponse("")


    @transaction.atomic
    def delete_on_write(request, key):
        bump(key)
        transaction.on_commit(lambda: cache.delete(key))
        return HttpResponse("")


    @transaction.atomic
    def write_through(request, key):
        version = bump(key)
        transaction.on_commit(lambda: cache.set(key, version, 20))
        return HttpResponse("")
"""
URLS = """
    from django.urls import path

    from . import views

    urlpatterns = [
        path("read/<key>/", views.read),
        path("ttl-only/<key>/", views.ttl_only),
        path("delete-on-write/<key>/", views.delete_on_write),
        path("write-through/<key>/", views.write_through),
    ]
"""
EXPERIMENT = """
    import os

    from cachewise import App, Scenario
    from shop.models import Row

    APP = App("shop.settings")
    SCENARIO = {scenario!r}
    KEYS = [f"key:{{code}}" for code in range({keys})]


    @APP.fill
    def fill():
        Row.objects.bulk_create([Row(key=key) for key in KEYS])


    @APP.read(per_s={scenario.reads_per_s}, args=KEYS, popularity={scenario.read_popularity!r})
    def read(client, key):
        return client.get(f"/read/{{key}}/")


    @APP.write(per_s={scenario.writes_per_s}, args=KEYS, popularity={scenario.write_popularity!r})
    def write(client, key):
        return client.post(f"/{{os.environ.get('TWIN', 'ttl-only')}}/{{key}}/")
"""


def twins(folder: Path, scenario: Scenario, database: str) -> Path:
    """Write the project, and return its experiment's file: it does what the strategy does that TWIN names."""
    experiment = dedent(EXPERIMENT).format(scenario=scenario, keys=KEYS)
    files = {"shop/models.py": MODELS, "shop/views.py": VIEWS, "shop/urls.py": URLS}
    return write_project(folder, settings=BARE, database=database, experiment=experiment, files=files)
