"""A value that is cached inside a transaction which is rolled back: it was never true."""

from django.db import transaction
from press import work
from press.traffic import SHORT, articles, fill, new

from cachewise import App

APP = App("press.settings")
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=10, args=articles)
def title(client, pk):
    """Read a title."""
    return client.get(f"/{pk}/title/")


@APP.write(per_s=1, args=lambda: [(pk, proof) for proof in (True, False) for pk in articles()], expect=(200, 409))
def retitle(client, pk, proof):
    """Give it another title; half of them without a proof."""
    return client.post(f"/{pk}/retitle/", {"title": new("Title"), **({"proof": "yes"} if proof else {})})


@APP.variant("on commit")
def on_commit():
    """Cache the title once the commit is done."""
    note_title = work.note_title
    work.note_title = lambda pk, title: transaction.on_commit(lambda: note_title(pk, title))
