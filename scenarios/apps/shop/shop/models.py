"""The tables of the shop: products, their earlier prices, news, and profiles of customers."""

from django.conf import settings
from django.db import models


class Product(models.Model):
    """Something to buy. Prices are in cents."""

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    price = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=0)

    def __str__(self):
        return self.name


class PriceChange(models.Model):
    """An earlier price of a product, for the accountant."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="price_changes")
    old_price = models.PositiveIntegerField()

    def __str__(self):
        return f"{self.product_id}: {self.old_price}"


class Article(models.Model):
    """News of the shop."""

    title = models.CharField(max_length=100)
    body = models.TextField()

    def __str__(self):
        return self.title


class Profile(models.Model):
    """The profile of a customer."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    city = models.CharField(max_length=100, blank=True)

    def __str__(self):
        return f"{self.user_id}: {self.city}"
