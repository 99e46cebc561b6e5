"""A page that is cached once for each cookie: the invalidation deletes the page of those who have none."""

from django.core.cache import cache
from press import work
from press.traffic import SHORT, fill, new, readers

from cachewise import App

APP = App("press.settings")
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=5)
def front(client):
    """Read the front page without a cookie."""
    return client.get("/")


@APP.read(per_s=5, users=readers)
def own_front(client, user):
    """Read it as somebody who is logged in."""
    return client.get("/")


@APP.write(per_s=0.5)
def rename_first(client):
    """Rename the first article."""
    return client.post("/first/", {"title": new("Title")})


@APP.variant("generation")
def generation():
    """A number in the keys of all front pages, which goes up."""
    work.front_prefix = lambda: f"front {cache.get_or_set('front', 1, None)}"
    work.forget_front = lambda: cache.incr("front")
