"""A page that depends on many rows: an author is renamed, and all articles still show the old name."""

from django.db import transaction
from django.db.models.signals import post_save
from press import work
from press.models import Author
from press.traffic import SHORT, articles, fill, new

from cachewise import App

APP = App("press.settings")
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=10, args=articles)
def article(client, pk):
    """Read an article with its author."""
    return client.get(f"/{pk}/")


@APP.write(per_s=1, args=[1, 2])
def rename_author(client, pk):
    """Rename an author."""
    return client.post(f"/authors/{pk}/", {"name": new("Author")})


@APP.variant("all articles")
def all_articles():
    """Forget all articles of an author who is saved, after the commit."""
    post_save.connect(author_changed, sender=Author)


def author_changed(instance, **_signal):
    """Forget the articles of an author."""
    for pk in instance.article_set.values_list("pk", flat=True):
        transaction.on_commit(lambda pk=pk: work.forget(pk))
