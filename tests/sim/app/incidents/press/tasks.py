"""What the newspaper's Celery workers do."""

from celery import Celery
from press import work

app = Celery("press", broker="redis://:secret@no.such.host.invalid/0")


@app.task(ignore_result=True)
def forget(pk):
    """Forget an article."""
    work.forget(pk)
