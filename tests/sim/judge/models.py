"""The models of the project in `stage`."""

from django.db import models


class Shelf(models.Model):  # noqa: DJ008 - nobody prints one
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "judged"


class Product(models.Model):  # noqa: DJ008 - nobody prints one
    name = models.CharField(max_length=50)
    price = models.IntegerField(default=1)
    visits = models.IntegerField(default=0)
    shelf = models.ForeignKey(Shelf, models.CASCADE)

    class Meta:
        app_label = "judged"


class Visit(models.Model):  # noqa: DJ008 - nobody prints one
    product = models.IntegerField()

    class Meta:
        app_label = "judged"
