"""`QuerySet.update()` sends no signal: what is cached stays as it was, for as long as it lives."""

from press import work
from press.traffic import SHORT, articles, fill

from cachewise import App

APP = App("press.settings")
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=10, args=articles)
def article(client, pk):
    """Read an article with its likes."""
    return client.get(f"/{pk}/")


@APP.write(per_s=1, args=articles)
def like(client, pk):
    """Like it."""
    return client.post(f"/{pk}/like/")


@APP.variant("and forget")
def and_forget():
    """Forget the article by hand after the update, which has committed."""
    update = work.like

    def like_and_forget(pk):
        update(pk)
        work.forget(pk)

    work.like = like_and_forget
