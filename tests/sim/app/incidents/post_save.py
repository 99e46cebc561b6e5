"""A delete in `post_save` under ATOMIC_REQUESTS comes before the commit: a reader in between caches the old row."""

from django.db import transaction
from press import work
from press.traffic import SHORT, articles, fill, new

from cachewise import App

APP = App("press.settings", env={"PRESS_DATABASE": "postgresql", "PRESS_ATOMIC_REQUESTS": "yes"})
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=20, args=articles)
def article(client, pk):
    """Read an article."""
    return client.get(f"/{pk}/")


@APP.write(per_s=1, args=articles)
def rename(client, pk):
    """Rename it: one transaction from the request's beginning to its end."""
    return client.post(f"/{pk}/rename/", {"title": new("Title")})


@APP.variant("on commit")
def on_commit():
    """Forget the article once the commit is done."""
    forget = work.forget
    work.forget = lambda pk: transaction.on_commit(lambda: forget(pk))
