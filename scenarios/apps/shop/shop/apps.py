"""The shop as an app: what it does when a product is saved."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save

from . import keys


class ShopConfig(AppConfig):
    """The shop."""

    name = "shop"

    def ready(self):
        """Hear of products that change."""
        product = self.get_model("Product")
        post_save.connect(product_changed, sender=product)
        post_delete.connect(product_changed, sender=product)


def product_changed(**_signal):
    """Forget the product list. Both signals come before the commit, and so does this."""
    keys.forget("products")
