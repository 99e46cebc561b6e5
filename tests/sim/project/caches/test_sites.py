"""Call sites: the line of the project that calls a cache, or of its template, or the view that is decorated."""

import sys
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import pytest

from cachewise.sim.project.caches.sites import Sites
from tests.sim.project.caches.small import played, write

VIEWS = """
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.views import View
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page

from .listing import listing


def by_hand(request, pk):
    page = cache.get(f"product:{pk}")
    if page is None:
        page = "made"
        cache.set(f"product:{pk}", page, 60)
    return HttpResponse(page + listing())


def fragment(request):
    return render(request, "page.html", {"pk": 7})


@cache_page(30)
def whole(request):
    return HttpResponse("whole")


@cache_page(30)
def late(request):
    return TemplateResponse(request, "plain.html")


@method_decorator(cache_page(40), name="dispatch")
class Shelf(View):
    def get(self, request):
        return HttpResponse("shelf")


def visit(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    return HttpResponse(str(request.session["seen"]))
"""
LISTING = """
from django.core.cache import caches

cache = caches["default"]


def listing():
    return cache.get_or_set("listing:de", lambda: "all", 20)
"""
URLS = """
from django.urls import path
from . import views

urlpatterns = [
    path("product/<int:pk>/", views.by_hand), path("fragment/", views.fragment), path("whole/", views.whole),
    path("late/", views.late), path("shelf/", views.Shelf.as_view()), path("visit/", views.visit),
]
"""
EXPERIMENT = """
from django.test import Client

client = Client()


def get(path):
    return lambda: client.get(path)


STEPS = [get(path) for path in ("/product/3/", "/fragment/", "/whole/", "/late/", "/shelf/", "/visit/") for _ in "12"]
"""
PROJECT = {
    "views": VIEWS,
    "listing": LISTING,
    "urls": URLS,
    "experiment": EXPERIMENT,
    "page.html": "{% load cache %}\n<p>\n{% cache 50 listing pk %}all{% endcache %}",
    "plain.html": "plain",
}


def line_of(text: str, what: str) -> int:
    """Return the number of the line in *text* that has *what* in it."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if what in line)


def test_each_kind_of_call_has_its_site(tmp_path: Path) -> None:
    """By hand, through a module's own name for the cache, a fragment, three kinds of decorated views, sessions."""
    folder = write(tmp_path, settings='SESSION_ENGINE = "django.contrib.sessions.backends.cache"\n', **PROJECT)
    found: dict[tuple[str, str], list[int]] = {}
    timeouts: dict[tuple[str, str], set[float | None]] = {}
    stores: set[str] = set()
    for site, _alias, _verb, pattern, timeout, hits, misses, store in played(folder)["calls"]:
        row = found.setdefault((site, pattern), [0, 0, 0])
        row[:] = [row[0] + 1, row[1] + hits, row[2] + misses]
        timeouts.setdefault((site, pattern), set()).add(timeout)
        stores |= {pattern} if store else set()

    def view(what: str) -> str:
        return f"shop/views.py:{line_of(VIEWS, what)}"

    pages, headers = "views.decorators.cache.cache_page.*", "views.decorators.cache.cache_header.*"
    decorated = (f"shop/views.py:{line_of(VIEWS, what) - 1}" for what in ("def whole", "def late", "class Shelf"))
    sessions = ("sessions", "django.contrib.sessions.cache*")
    assert found.pop(sessions)[1] >= 1
    assert found == {
        (view('cache.get(f"product'), "product:*"): [2, 1, 1],  # calls, hits, misses
        (view('cache.set(f"product'), "product:*"): [1, 0, 0],
        (f"shop/listing.py:{line_of(LISTING, 'get_or_set')}", "listing:de"): [2, 1, 1],
        ("page.html:3", "template.cache.listing.*"): [3, 1, 1],
        **{(site, kind): [3 - (kind == pages), 1, kind == headers] for site in decorated for kind in (pages, headers)},
    }
    assert timeouts["page.html:3", "template.cache.listing.*"] == {None, 50.0}
    assert timeouts[f"shop/views.py:{line_of(VIEWS, 'class Shelf') - 1}", pages] == {40.0}
    assert stores == {sessions[1]}


def test_the_cache_of_the_whole_site_is_named(tmp_path: Path) -> None:
    """A cache in MIDDLEWARE belongs to no view."""
    middleware = """
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
"""
    visits = EXPERIMENT.replace(
        '("/product/3/", "/fragment/", "/whole/", "/late/", "/shelf/", "/visit/")', '("/product/3/",)'
    )
    told = played(write(tmp_path, settings=middleware, **{**PROJECT, "experiment": visits}))
    sites = {site for site, *_ in told["calls"]}
    assert {"UpdateCacheMiddleware", "FetchFromCacheMiddleware"} <= sites


def frame_in(file: str) -> FrameType:
    """Return a frame of a function whose second line is in *file*, called by Python alone."""
    names: dict[str, Any] = {"__file__": file, "__name__": file, "sys": sys, "found": []}
    exec(compile("def here():\n    found.append(sys._getframe())\n", file, "exec"), names)  # noqa: S102 - the line above
    thread = Thread(target=names["here"])  # whose stack has nothing of pytest
    thread.start()
    thread.join()
    found: FrameType = names["found"][0]
    return found


@pytest.mark.parametrize(
    ("folder", "file", "site"),
    [
        ("/work/project", "/work/project/shop/views.py", "shop/views.py:2"),
        ("/work/project", "/work/project/.venv/lib/site-packages/blog/views.py", "blog/views.py:2"),
        ("/work/project", "/work/project/.venv/lib/site-packages/django/views.py", "?"),
        ("/usr/lib/site-packages/shop", "/usr/lib/site-packages/shop/views.py", "views.py:2"),
        ("/usr/lib/site-packages/shop", "/usr/lib/site-packages/blog/views.py", "blog/views.py:2"),
        ("/work/project", "/work/other/views.py", "?"),
    ],
)
def test_where_a_file_belongs(folder: str, file: str, site: str) -> None:
    """To the project, which may be installed itself, or to a package that is no library of caches; or to neither."""
    assert Sites(Path(folder)).of(frame_in(file)) == site
