"""The shop as a Django app, with the signals of products."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save

from . import keys


class ShopConfig(AppConfig):
    """The shop."""

    name = "shop"

    def ready(self):
        """Connect the signals of products."""
        product = self.get_model("Product")
        post_save.connect(product_changed, sender=product)
        post_delete.connect(product_changed, sender=product)


def product_changed(**_signal):
    """Delete the cached product list. Both signals are sent before the commit, so this delete is, too."""
    keys.forget("products")
