"""The client that functions get: Django's, with its whole responses, and nothing kept for one request at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path

from cachewise.sim.backends.database import set_django_up
from cachewise.sim.project.client import Handler, ProjectClient

set_django_up("db")
closed: list[str] = []


def visits(request: HttpRequest) -> HttpResponse:
    """Count visits in a cookie."""
    count = int(request.COOKIES.get("visits", 0)) + 1
    response = JsonResponse({"visits": count})
    response.set_cookie("visits", str(count))
    return response


def streamed(_request: HttpRequest) -> StreamingHttpResponse:
    """Send its content bit by bit."""

    def parts() -> Iterator[str]:
        try:
            yield from ("a", "b")
        finally:
            closed.append("streamed")

    return StreamingHttpResponse(parts())


def rendered(request: HttpRequest) -> TemplateResponse:
    """Leave its template to be rendered."""
    return TemplateResponse(request, engines["django"].from_string("seen {{ request.path }}"))


def broken(_request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise LookupError("gone")


def form(request: HttpRequest) -> HttpResponse:
    """Take a form; a browser would have to send a token."""
    return HttpResponse(f"{request.POST['city']}{', secure' if request.is_secure() else ''}")


urlpatterns = [path(f"{view.__name__}/", view) for view in (visits, streamed, rendered, broken, form)]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]


@pytest.fixture
def handler() -> Iterator[Handler]:
    """Give a handler; Django's signals are as before afterwards."""
    settings = {"ROOT_URLCONF": __name__, "ALLOWED_HOSTS": ["*"], "TEMPLATES": TEMPLATES}
    with override_settings(**settings, MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]):
        found = Handler()
        yield found
    got_request_exception.disconnect(found._note)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def test_cookies_are_the_clients_own(handler: Handler) -> None:
    """What a response sets is sent with the next request, by this client alone."""
    client = ProjectClient(handler)
    assert [client.get("/visits/").json()["visits"] for _ in range(2)] == [1, 2]
    assert client.sent_cookies() == {"visits": "2"}
    assert ProjectClient(handler).get("/visits/").json() == {"visits": 1}


def test_responses_are_whole(handler: Handler) -> None:
    """A template is rendered, a stream is read to its end and closed; both can be looked at twice."""
    client = ProjectClient(handler)
    assert client.get("/rendered/").content == b"seen /rendered/"
    response = client.get("/streamed/")
    assert closed == ["streamed"]
    assert [response.getvalue() for _ in range(2)] == [b"ab", b"ab"]


def test_forms(handler: Handler) -> None:
    """No token is asked for; where the project redirects to HTTPS, the client is there already."""
    assert ProjectClient(handler).post("/form/", {"city": "Town"}).content == b"Town"
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert ProjectClient(handler).post("/form/", {"city": "Town"}).content == b"Town, secure"


def test_what_a_view_raises_is_told(handler: Handler) -> None:
    """With its frames; the client gets the page that a visitor would get."""
    told: list[str] = []
    handler.raised = told.append
    assert ProjectClient(handler).get("/broken/").status_code == 500
    (frames,) = told
    assert frames.endswith("LookupError: gone\n")
    assert "in broken" in frames


def test_who_wants_to_be_there(handler: Handler) -> None:
    """A client's `served` sends each of its requests, and sees what is sent; signals of both ends are sent once."""
    sent: list[Mapping[str, Any]] = []
    ends: list[str] = []

    def served(send: Any, request: Mapping[str, Any]) -> Any:
        sent.append(request)
        return send()

    def ended(**_named: Any) -> None:
        ends.append("end")

    request_finished.connect(ended)
    try:
        response = ProjectClient(handler, served).get("/visits/", {"page": 2})
    finally:
        request_finished.disconnect(ended)
    assert (response.status_code, ends) == (200, ["end"])
    (request,) = sent
    assert (request["PATH_INFO"], request["QUERY_STRING"]) == ("/visits/", "page=2")
    assert response.request == request
