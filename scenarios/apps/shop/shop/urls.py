"""The URLs of the shop."""

from django.contrib.auth.views import LoginView
from django.urls import path

from . import views

urlpatterns = [
    path("products/", views.product_list, name="products"),
    path("products/<int:pk>/", views.product_page, name="product"),
    path("products/prices/", views.change_prices, name="change_prices"),
    path("products/<int:pk>/buy/", views.buy, name="buy"),
    path("bargains/", views.bargains, name="bargains"),
    path("news/", views.news, name="news"),
    path("news/<int:pk>/", views.edit_article, name="edit_article"),
    path("profile/", views.profile, name="profile"),
    path("login/", LoginView.as_view(template_name="shop/login.html"), name="login"),
]
