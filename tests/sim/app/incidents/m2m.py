"""Another tag changes no row of the article, so no `post_save` of it is sent."""

from django.db import transaction
from django.db.models.signals import m2m_changed
from press import work
from press.models import Article
from press.traffic import SHORT, articles, fill

from cachewise import App

APP = App("press.settings")
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=10, args=articles)
def article(client, pk):
    """Read an article with its tags."""
    return client.get(f"/{pk}/")


@APP.write(per_s=1, args=lambda: [(pk, tag) for pk in articles() for tag in range(1, 10)])
def tag(client, pk, tag):
    """Let it be about something else."""
    return client.post(f"/{pk}/tag/", {"tag": tag})


@APP.variant("m2m_changed")
def on_m2m_changed():
    """Hear of the tags, too, and forget the article after the commit."""
    m2m_changed.connect(tags_changed, sender=Article.tags.through)


def tags_changed(instance, action, **_signal):
    """Forget an article whose tags have changed."""
    if action.startswith("post_"):
        transaction.on_commit(lambda: work.forget(instance.pk))
