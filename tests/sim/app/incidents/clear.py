"""`clear()` where the sessions are in the same cache: everybody is logged out."""

from django.core.cache import cache
from press.traffic import SHORT, articles, fill, new, readers

from cachewise import App

APP = App("press.settings", env={"PRESS_SESSIONS": "cache"})
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=5, users=readers, expect=(200, 302))
def desk(client, user):
    """Look at one's desk."""
    return client.get("/desk/")


@APP.read(per_s=5, args=articles)
def article(client, pk):
    """Read an article."""
    return client.get(f"/{pk}/")


@APP.write(per_s=0.5, args=articles)
def rename(client, pk):
    """Rename it."""
    return client.post(f"/{pk}/rename/", {"title": new("Title")})


@APP.at(14)
def deploy():
    """Empty the cache."""
    cache.clear()


APP.variant(
    "a cache of their own",
    settings=lambda theirs: {
        "CACHES": {**theirs.CACHES, "sessions": {**theirs.CACHES["default"], "LOCATION": "redis://127.0.0.1/2"}},
        "SESSION_CACHE_ALIAS": "sessions",
    },
)
