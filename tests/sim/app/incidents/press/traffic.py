"""What all incidents share: rows to begin with, the length of a run, and texts that were not there before."""

from django.contrib.auth.models import User
from django.utils import timezone
from press.models import Article, Author, Tag

from cachewise import Scenario

SHORT = Scenario(
    "press",
    warmup_s=4,
    duration_s=20,
    workers=2,
    threads=8,
    db_read_s="lognormal:0.004:0.5",
    db_write_s="lognormal:0.004:0.5",
    db_commit_s="lognormal:0.01:0.5",
)


def fill():
    """Print the newspaper."""
    authors = Author.objects.bulk_create(Author(name=f"Author {number}") for number in range(1, 3))
    Tag.objects.bulk_create(Tag(name=f"tag {number}") for number in range(1, 10))
    Article.objects.bulk_create(Article(title=f"Title {number}", author=authors[number % 2]) for number in range(1, 6))
    User.objects.bulk_create(User(username=f"reader{number}") for number in range(1, 11))


def articles():
    """Return the keys of all articles."""
    return Article.objects.order_by("pk").values_list("pk", flat=True)


def readers():
    """Return the readers who can log in."""
    return User.objects.order_by("pk")


def new(word):
    """Return *word* with the time, which no other call returns."""
    return f"{word} of {timezone.now():%H:%M:%S.%f}"
