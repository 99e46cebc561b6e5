"""The pages of the shop. Each is cached in another way."""

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_page
from django.views.decorators.http import require_POST

from . import keys
from .models import Article, Product, Profile


def product_list(request):
    """Show all products: a queryset cached by hand for 300 s, deleted when a product is saved."""
    key = keys.named("products")
    products = cache.get(key)
    if products is None:
        products = list(Product.objects.order_by("name").only("name", "price"))
        cache.set(key, products, 300)
    return render(request, "shop/product_list.html", {"products": products})


def bargains(request):
    """Show the cheapest products that are left: a query cached for 120 s, whose key is never deleted."""
    products = cache.get_or_set(
        keys.named("bargains"), lambda: list(Product.objects.filter(stock__gt=0).order_by("price", "pk")[:5]), 120
    )
    return render(request, "shop/bargains.html", {"products": products})


def product_page(request, pk):
    """Show one product. The stock is not cached; the rest is a fragment that the template caches for 120 s."""
    return render(request, "shop/product.html", {"product": get_object_or_404(Product, pk=pk)})


@cache_page(60)
def news(request):
    """Show the news: the whole page is cached for 60 s."""
    return render(request, "shop/news.html", {"articles": Article.objects.order_by("-pk")})


@login_required
def profile(request):
    """Show the customer's profile, cached for 600 s; a POST changes it."""
    key = keys.named(f"profile:{request.user.pk}")
    if request.method == "POST":
        Profile.objects.update_or_create(user=request.user, defaults={"city": request.POST["city"]})
        return redirect("profile")
    city = cache.get(key)
    if city is None:
        city = Profile.objects.values_list("city", flat=True).get(user=request.user)
        cache.set(key, city, 600)
    return render(request, "shop/profile.html", {"city": city})


@require_POST
@transaction.atomic
def change_prices(request):
    """Change the prices of several products, and note the old prices, in one transaction."""
    for product in Product.objects.select_for_update().filter(pk__in=request.POST.getlist("pk")).order_by("pk"):
        product.price_changes.create(old_price=product.price)
        product.price += int(request.POST["by"])
        product.save()
    return redirect("products")


@require_POST
def buy(request, pk):
    """Sell one piece of a product: `update()` counts correctly, but sends no signal."""
    sold = Product.objects.filter(pk=pk, stock__gt=0).update(stock=F("stock") - 1)
    return redirect("product", pk) if sold else HttpResponse("sold out", status=409)


@require_POST
def edit_article(request, pk):
    """Change the text of an article."""
    article = get_object_or_404(Article, pk=pk)
    article.body = request.POST["body"]
    article.save()
    return redirect("news")
