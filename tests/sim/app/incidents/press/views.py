"""The pages of the newspaper."""

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_cookie
from press import work
from press.models import Article, Author, Revision


def article(request, pk):
    """Show an article with its author and tags: text that is cached by hand for 300 s."""
    text = cache.get(f"article:{pk}")
    if text is None:
        found = Article.objects.select_related("author").get(pk=pk)
        tags = ", ".join(tag.name for tag in found.tags.order_by("name"))
        text = f"{found.title} by {found.author.name}; {tags}; {found.likes} likes"
        cache.set(f"article:{pk}", text, 300)
    return HttpResponse(text)


def front(request):
    """Show the first titles: the whole page is cached for 300 s, once for each cookie."""
    cached = cache_page(300, key_prefix=work.front_prefix())(vary_on_cookie(_front))
    return cached(request)


def _front(request):
    titles = Article.objects.order_by("pk").values_list("title", flat=True)[:5]
    return HttpResponse(f"Hello {request.user.username}: {'; '.join(titles)}")


@login_required(login_url="/login/")
def desk(request):
    """Show a page to whoever is logged in."""
    return HttpResponse(f"The desk of {request.user.username}")


def title(request, pk):
    """Show a title, cached for 300 s."""
    text = cache.get_or_set(f"title:{pk}", lambda: Article.objects.values_list("title", flat=True).get(pk=pk), 300)
    return HttpResponse(text)


def titles(request):
    """Show all titles, straight from the database."""
    return HttpResponse("; ".join(Article.objects.order_by("pk").values_list("title", flat=True)))


def rename(request, pk):
    """Give an article another title, and keep the old one; the save comes first."""
    found = Article.objects.get(pk=pk)
    old, found.title = found.title, request.POST["title"]
    found.save()
    found.revision_set.create(title=old)
    found.revision_set.filter(title="").delete()
    return HttpResponse("renamed")


@transaction.atomic
def rename_by_task(request, pk):
    """Give an article another title, and let a task forget what is cached."""
    Article.objects.filter(pk=pk).update(title=request.POST["title"])
    work.forget_by_task(pk)
    Revision.objects.create(article_id=pk, title=request.POST["title"])
    Revision.objects.filter(title="").delete()
    return HttpResponse("renamed")


def retitle(request, pk):
    """Give an article another title, which is cached at once. Without its proof the transaction is rolled back."""
    with transaction.atomic():
        Article.objects.filter(pk=pk).update(title=request.POST["title"])
        work.note_title(pk, request.POST["title"])
        if "proof" not in request.POST:
            transaction.set_rollback(True)
            return HttpResponse("nobody has read it", status=409)
    return HttpResponse("retitled")


def rename_first(request):
    """Give the first article of the front page another title, and forget that page."""
    Article.objects.filter(pk=1).update(title=request.POST["title"])
    work.forget_front()
    return HttpResponse("renamed")


def like(request, pk):
    """Like an article."""
    work.like(pk)
    return HttpResponse("liked")


def tag(request, pk):
    """Let an article be about something else."""
    Article.objects.get(pk=pk).tags.set([request.POST["tag"]])
    return HttpResponse("tagged")


def rename_author(request, pk):
    """Give an author another name."""
    found = Author.objects.get(pk=pk)
    found.name = request.POST["name"]
    found.save()
    return HttpResponse("renamed")
