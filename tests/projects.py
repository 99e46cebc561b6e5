"""Small real Django projects for the tests: a shop with a cache at work in several manners, written into a folder."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

SETTINGS = """
    from pathlib import Path

    HERE = Path(__file__).resolve().parent.parent
    SECRET_KEY = "only-for-tests"
    ALLOWED_HOSTS = ["*"]
    USE_TZ = True
    ROOT_URLCONF = "shop.urls"
    INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop"]
    MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [HERE / "templates"]}]
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "TIMEOUT": 300}}
"""
# What follows in the settings of a project that has its own models alone, and a cache that is never full.
BARE = """
    INSTALLED_APPS = ["shop"]
    MIDDLEWARE = []
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 1_000_000}
"""
SQLITE = """
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "live.sqlite3"}}
"""
# Nobody listens there, and the tests would hear of whoever tried.
POSTGRES = """
    DATABASES = {"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": "live", "USER": "somebody", "PASSWORD": "hunter2",
        "HOST": "127.0.0.1", "PORT": "1", "ATOMIC_REQUESTS": True,
    }}
"""
MODELS = """
    from django.conf import settings
    from django.core.cache import cache
    from django.db import models
    from django.db.models.signals import post_save


    class Category(models.Model):
        name = models.CharField(max_length=50)


    class Product(models.Model):
        name = models.CharField(max_length=50)
        price = models.IntegerField(default=1)
        category = models.ForeignKey(Category, models.CASCADE)


    class Profile(models.Model):
        user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
        motto = models.CharField(max_length=50, default="none")


    def forget(sender, instance, **kwargs):
        cache.delete(f"product:{instance.pk}")


    post_save.connect(forget, sender=Product)
"""
VIEWS = """
    from django.contrib.auth.decorators import login_required
    from django.core.cache import cache
    from django.db import transaction
    from django.http import HttpResponse
    from django.shortcuts import redirect, render
    from django.views.decorators.cache import cache_page

    from .models import Category, Product, Profile


    def product(request, pk):
        found = cache.get(f"product:{pk}")
        if found is None:
            found = Product.objects.get(pk=pk)
            cache.set(f"product:{pk}", found, 300)
        return HttpResponse(f"{found.name}: {found.price}")


    @cache_page(20)
    def page(request, pk):
        found = Product.objects.get(pk=pk)
        return HttpResponse(f"{found.name}: {found.price}")


    def listing(request, pk):
        category = Category.objects.get(pk=pk)
        products = Product.objects.filter(category=category).order_by("pk")
        return render(request, "listing.html", {"category": category, "products": products})


    @transaction.atomic
    def price(request, pk):
        found = Product.objects.select_for_update().get(pk=pk)
        found.price += 1
        found.save()
        return redirect("product", pk=pk)


    @login_required
    def profile(request):
        key = f"profile:{request.user.pk}"
        if request.method == "POST":
            Profile.objects.filter(user=request.user).update(motto=request.POST["motto"])
            return redirect("profile")
        motto = cache.get(key)
        if motto is None:
            motto = Profile.objects.get(user=request.user).motto
            cache.set(key, motto, 600)
        return HttpResponse(motto)
"""
URLS = """
    from django.urls import path

    from . import views

    urlpatterns = [
        path("product/<int:pk>/", views.product, name="product"),
        path("page/<int:pk>/", views.page, name="page"),
        path("listing/<int:pk>/", views.listing, name="listing"),
        path("price/<int:pk>/", views.price, name="price"),
        path("profile/", views.profile, name="profile"),
    ]
"""
LISTING = (
    "{% load cache %}{% cache 30 listing category.pk %}"
    "{% for one in products %}{{ one.name }}: {{ one.price }}\n{% endfor %}{% endcache %}"
)
EXPERIMENT = """
    from cachewise import App, Scenario
    from shop.models import Category, Product

    APP = App("shop.settings")
    SCENARIO = Scenario("shop", duration_s=20, warmup_s=5, workers=2, threads=4)


    def products():
        return Product.objects.order_by("pk").values_list("pk", flat=True)


    @APP.fill
    def fill():
        shelf = Category.objects.create(name="shelf")
        Product.objects.bulk_create([Product(name=f"p{n}", category=shelf) for n in range(20)])


    @APP.read(per_s=20, args=products, popularity="zipf:1.0")
    def product_page(client, pk):
        return client.get(f"/product/{pk}/")


    @APP.write(per_s=1, args=products)
    def change_price(client, pk):
        return client.post(f"/price/{pk}/")
"""


def write_project(
    folder: Path,
    *,
    settings: str = "",
    database: str = SQLITE,
    experiment: str = EXPERIMENT,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a shop into *folder*, and return its file of the experiment, ``cache_experiment.py``.

    Args:
        folder: where; the project has its folder in it, beside ``templates/`` and the experiment.
        settings: what follows in the settings.
        database: the settings' DATABASES: `SQLITE`, `POSTGRES`, or another text.
        experiment: the text of ``cache_experiment.py``; '' for none.
        files: further ones, or others in their places, by their path in *folder*.
    """
    texts = {
        "shop/__init__.py": "",
        "shop/settings.py": dedent(SETTINGS) + dedent(database) + dedent(settings),
        "shop/models.py": MODELS,
        "shop/views.py": VIEWS,
        "shop/urls.py": URLS,
        "templates/listing.html": LISTING,
        "cache_experiment.py": experiment,
    }
    for name, text in {**texts, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return folder / "cache_experiment.py"
