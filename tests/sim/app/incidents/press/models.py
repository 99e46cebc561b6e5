"""What the newspaper keeps."""

from django.db import models


class Author(models.Model):
    """Who writes."""

    name = models.CharField(max_length=50)


class Tag(models.Model):
    """What an article is about."""

    name = models.CharField(max_length=50)


class Article(models.Model):
    """What is read."""

    title = models.CharField(max_length=50)
    likes = models.PositiveIntegerField(default=0)
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)


class Revision(models.Model):
    """A title that an article has had."""

    article = models.ForeignKey(Article, models.CASCADE)
    title = models.CharField(max_length=50)
