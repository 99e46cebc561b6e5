"""What the newspaper does with its cache: the pieces that the cures replace."""

from django.core.cache import cache
from django.db.models import F
from django.test import RequestFactory
from django.utils.cache import get_cache_key
from press.models import Article


def article_changed(instance, **_signal):
    """Forget an article that was saved; `post_save` comes before the commit."""
    forget(instance.pk)


def forget(pk):
    """Let the article be loaded anew by whoever asks next."""
    cache.delete(f"article:{pk}")


def forget_by_task(pk):
    """Let a worker do it; set where there are any."""
    raise NotImplementedError(pk)


def like(pk):
    """Count one more like: `update()` sends no signal."""
    Article.objects.filter(pk=pk).update(likes=F("likes") + 1)


def front_prefix():
    """Return the prefix of the keys under which the front page is cached."""
    return "front"


def forget_front():
    """Delete the cached front page: the one of visitors without a cookie."""
    key = get_cache_key(RequestFactory().get("/", headers={"host": "testserver"}), key_prefix=front_prefix())
    if key is not None:
        cache.delete(key)


def note_title(pk, title):
    """Cache a title at once, though its transaction is still open."""
    cache.set(f"title:{pk}", title, 300)
