"""cachalot: a reader whose query began before a write stores its rows after the writer has invalidated the table."""

from press.traffic import SHORT, articles, fill, new

from cachewise import App

APP = App("press.settings", env={"PRESS_APPS": "cachalot"})
SCENARIO = SHORT
APP.fill(fill)


@APP.read(per_s=40)
def titles(client):
    """Read all titles."""
    return client.get("/titles/")


@APP.write(per_s=1, args=articles)
def rename(client, pk):
    """Rename an article."""
    return client.post(f"/{pk}/rename/", {"title": new("Title")})


APP.variant("articles uncached", settings={"CACHALOT_UNCACHABLE_TABLES": ("django_migrations", "press_article")})
