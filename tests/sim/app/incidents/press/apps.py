"""The newspaper as an app."""

from django.apps import AppConfig
from django.db.models.signals import post_save


class PressConfig(AppConfig):
    """The newspaper."""

    name = "press"

    def ready(self):
        """Hear of articles that are saved."""
        from press import work

        post_save.connect(work.article_changed, sender=self.get_model("Article"))
