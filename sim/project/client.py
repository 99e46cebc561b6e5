"""The client that read and write functions get: Django's test client, made fit for overlapping requests.

Django's own client connects signals during a request, and so allows only one request at a time.
"""

import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client
from django.urls import set_urlconf
from django.utils import timezone, translation

MOST_FRAMES = 12  # kept of a traceback


class Handler(BaseHandler):
    """Serves requests as a web worker does. All clients share it, as a worker's threads share the middleware."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()
        request_started.disconnect(close_old_connections)  # a connection stays open: opening takes no time
        request_finished.disconnect(close_old_connections)
        got_request_exception.connect(self._note, weak=False)
        self.raised: Callable[[str], None] = lambda _frames: None

    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        """Return the response to one request, its content complete."""
        request_started.send(sender=type(self), environ=environ)
        request: Any = WSGIRequest(environ)
        request._dont_enforce_csrf_checks, request.raised = True, None
        response: Any = self.get_response(request)
        response.wsgi_request = request
        if response.streaming:
            response._iterator = [b"".join(response.streaming_content)]  # a list: it can be read twice
        elif hasattr(response, "is_rendered") and not response.is_rendered:
            response.render()
        for close in response._resource_closers:  # ends with `request_finished`, as a real response does
            close()
        response._resource_closers.clear()
        request_finished.send(sender=type(self))
        return response  # type: ignore[no-any-return]

    def _note(self, request: Any = None, **_named: Any) -> None:
        if request is not None:
            request.raised = sys.exc_info()
        self.raised(traceback.format_exc(limit=-MOST_FRAMES))


def forget_the_last_request() -> None:
    """Remove from this thread the language, time zone and URLconf that its last request has left.

    A read function is on the client's side: its `reverse` must not depend on the request before.
    """
    translation.deactivate()
    timezone.deactivate()
    set_urlconf(None)


class ProjectClient(Client):
    """A client of the project; `served` is called around each of its requests, as ``served(send, request)``."""

    def __init__(
        self, handler: Handler, served: Callable[[Callable[[], Any], Mapping[str, Any]], Any] | None = None
    ) -> None:
        super().__init__()
        self.handler: Any = handler
        self.served = served or (lambda send, _request: send())

    def request(self, **request: Any) -> Any:
        """Send one request and return its response, which keeps the cookies that were sent."""
        sent = self.sent_cookies()
        response = self.served(partial(self.handler, self._base_environ(**request)), request)  # type: ignore[attr-defined]
        response.client, response.request, response.exc_info = self, request, response.wsgi_request.raised
        response.cachewise_cookies = sent
        response.json = partial(self._parse_json, response)  # type: ignore[attr-defined]
        if response.cookies:
            self.cookies.update(response.cookies)
        return response

    def generic(self, method: str, path: Any, *args: Any, **named: Any) -> Any:
        """Send a request with any method, over HTTPS if the project redirects to it."""
        if settings.SECURE_SSL_REDIRECT:
            named["secure"] = True
        return super().generic(method, path, *args, **named)

    def sent_cookies(self) -> dict[str, str]:
        """Return the cookies that the next request sends."""
        return {name: morsel.value for name, morsel in self.cookies.items() if morsel.value}
