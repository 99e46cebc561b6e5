"""A small Django shop that caches each page in another way: by hand, `cache_page`, a fragment, a query, a profile.

`cachewise run shop_app` runs it as an experiment and compares its variants. For your own project, you can start with a
copy of this folder.
"""

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_save
from shop import keys
from shop.models import Article, Product, Profile

from cachewise import App, Scenario

APP = App("shop.settings")
SCENARIO = Scenario(
    "shop_app",
    why="a small Django shop, each page cached in another way: by hand, cache_page, a fragment, a query, a profile",
    warmup_s=20,
    duration_s=60,
    workers=4,
    threads=4,
    db_read_s="lognormal:0.003:0.5",
    db_write_s="lognormal:0.003:0.5",
    db_commit_s="lognormal:0.008:0.5",
)
BY_HAND = ("products", "bargains", "profile:*", "views.decorators.cache.*", "template.cache.*")


@APP.fill
def fill():
    """Stock the shop, write the news, and let customers register."""
    Product.objects.bulk_create(
        Product(name=f"Product {number}", description="Worth it.", price=500 + 90 * number, stock=1000)
        for number in range(1, 21)
    )
    Article.objects.bulk_create(Article(title=f"News {number}", body="Edition 1") for number in range(1, 6))
    customers = User.objects.bulk_create(User(username=f"customer{number}") for number in range(1, 31))
    Profile.objects.bulk_create(Profile(user=customer, city="Town 1") for customer in customers)


def products():
    """Return the keys of all products."""
    return Product.objects.order_by("pk").values_list("pk", flat=True)


def another(text):
    """Return *text* with the number at its end increased by one, so that each edit changes something."""
    words, _, number = text.rpartition(" ")
    return f"{words} {int(number) + 1}"


@APP.read(per_s=8)
def product_list(client):
    """Look at all products: cached by hand for 300 s, deleted when a product is saved, before the commit."""
    return client.get("/products/")


@APP.read(per_s=4, args=products, popularity="zipf:1.0")
def product_page(client, pk):
    """Look at one product: a fragment in its template is cached for 120 s, but the stock is not."""
    return client.get(f"/products/{pk}/")


@APP.read(per_s=2)
def bargains(client):
    """Look at the cheapest products that are left: a query cached for 120 s, whose rows change."""
    return client.get("/bargains/")


@APP.read(per_s=1)
def news(client):
    """Read the news: `cache_page(60)`."""
    return client.get("/news/")


@APP.write(per_s=0.3, args=lambda: products()[::5])
def change_prices(client, first):
    """Raise five prices: each save in the transaction sends a signal, whose delete comes before the commit."""
    return client.post("/products/prices/", {"pk": [first + place for place in range(5)], "by": 5})


@APP.write(per_s=0.3, args=products, popularity="zipf:1.0")
def buy(client, pk):
    """Buy a piece: `QuerySet.update()`, which sends no signal."""
    return client.post(f"/products/{pk}/buy/")


@APP.write(per_s=1 / 20, args=lambda: Article.objects.order_by("pk").values_list("pk", flat=True))
def edit_article(client, pk):
    """Change the news."""
    body = Article.objects.values_list("body", flat=True).get(pk=pk)
    return client.post(f"/news/{pk}/", {"body": another(body)})


@APP.journey(per_s=0.3, users=lambda: User.objects.order_by("pk"))
def edit_profile(client, user):
    """Look at one's own profile (cached for 600 s), edit it, and look again."""
    if client.get("/profile/").status_code == 302:  # the session is lost
        client.force_login(user)
        client.get("/profile/")
    city = Profile.objects.values_list("city", flat=True).get(user=user)
    APP.pause(3)
    client.post("/profile/", {"city": another(city)})
    APP.pause(0.3)
    APP.judge("own_profile", client.get("/profile/"), expect=(200, 302))  # 302: the deploy has logged them out


@APP.at(60)
def deploy():
    """Empty the cache, as deploy scripts do. The sessions are in it: everybody is logged out."""
    cache.clear()


@APP.variant("on commit")
def on_commit():
    """Delete keys that are cached by hand after the commit, and the profile's key, too."""
    keys.forget = lambda name: transaction.on_commit(lambda: cache.delete(name))
    post_save.connect(profile_changed, sender=Profile)


@APP.variant("versioned key")
def versioned_key():
    """Put a number into each key that is cached by hand. It goes up after a commit, and old keys are not read again."""
    keys.named = lambda name: f"{name}:{cache.get_or_set('generation', 1, None)}"
    keys.forget = lambda name: transaction.on_commit(next_generation)  # noqa: ARG005 - all names share one number
    post_save.connect(profile_changed, sender=Profile)


def profile_changed(instance, **_signal):
    """Forget a profile that was saved."""
    keys.forget(f"profile:{instance.user_id}")


def next_generation():
    """Make all keys that are cached by hand be loaded anew."""
    cache.add("generation", 1, None)
    cache.incr("generation")


APP.variant(
    "cachalot",  # caches each query until its tables change; caching by hand is off
    needs="django-cachalot",
    settings=lambda theirs: {"INSTALLED_APPS": [*theirs.INSTALLED_APPS, "cachalot"]},
    timeouts=dict.fromkeys(BY_HAND, 0),
)
APP.variant(
    "cacheops",  # the same, but it does not notice `update()`
    needs="django-cacheops",
    settings=lambda theirs: {
        "INSTALLED_APPS": [*theirs.INSTALLED_APPS, "cacheops"],
        "CACHEOPS": {"shop.*": {"ops": "all", "timeout": 600}},
        "CACHEOPS_REDIS": theirs.CACHES["default"]["LOCATION"],
    },
    timeouts=dict.fromkeys(BY_HAND, 0),
)
