"""A Celery task that is sent inside a transaction begins before its commit: a reader after it caches the old row."""

from django.db import transaction
from press import tasks, work
from press.traffic import SHORT, articles, fill, new

from cachewise import App

APP = App("press.settings", env={"PRESS_DATABASE": "postgresql"})
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=20, args=articles)
def article(client, pk):
    """Read an article."""
    return client.get(f"/{pk}/")


@APP.write(per_s=1, args=articles)
def rename(client, pk):
    """Rename it, and let a task forget it."""
    return client.post(f"/{pk}/rename/by-task/", {"title": new("Title")})


work.forget_by_task = tasks.forget.delay


@APP.variant("delay on commit")
def delay_on_commit():
    """Send the task once the commit is done."""
    work.forget_by_task = lambda pk: transaction.on_commit(lambda: tasks.forget.delay(pk))
