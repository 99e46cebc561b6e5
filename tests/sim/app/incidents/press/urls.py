"""Where the pages of the newspaper are."""

from django.urls import path
from press import views

urlpatterns = [
    path("", views.front),
    path("desk/", views.desk),
    path("titles/", views.titles),
    path("first/", views.rename_first),
    path("<int:pk>/", views.article),
    path("<int:pk>/title/", views.title),
    path("<int:pk>/rename/", views.rename),
    path("<int:pk>/rename/by-task/", views.rename_by_task),
    path("<int:pk>/retitle/", views.retitle),
    path("<int:pk>/like/", views.like),
    path("<int:pk>/tag/", views.tag),
    path("authors/<int:pk>/", views.rename_author),
]
