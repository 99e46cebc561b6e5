"""The watched cache: a subclass of a cache class that records each call of a request, with its copies' births.

Cache classes differ in which calls are built on others. A call that BaseCache builds on other calls (`get_or_set`,
usually `set_many`) is one record, but its parts count. Any other call is recorded as a whole; its inner calls are not.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.base import BaseCache

from .desk import Desk, Given, Noted
from .effects import EFFECTS, MADE_OF_OTHERS, TIMED, Effect, through


def watched(cls: type, desk: Desk) -> type:
    """Return *cls*, a cache class, with its calls recorded at *desk*."""
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    for verb, effect in EFFECTS.items():
        method = getattr(cls, verb, None)
        if method is not None:
            made_of_others = method is getattr(BaseCache, verb, None) or verb in MADE_OF_OTHERS
            members[verb] = _watching(verb, method, through if made_of_others else effect, desk)
    members["close"] = _close  # in production, each thread closes its own client
    return type(cls.__name__, (cls,), members)


def _close(self: Any, **_kwargs: Any) -> None:
    """Keep the connections open: other requests use them."""


def _watching(verb: str, method: Callable[..., Any], effect: Effect, desk: Desk) -> Callable[..., Any]:
    whole, under_way = effect is not through, desk.under_way

    @wraps(method)
    def watching(self: Any, *args: Any, **kwargs: Any) -> Any:
        task = desk.engine.current
        outer = under_way.get(task)
        if outer is not None and outer.whole:
            return method(self, *args, **kwargs)
        given = Given(task, self, method, args, kwargs)
        if desk.timeouts and verb in TIMED:
            desk.retime(given, TIMED[verb])
        noted = under_way[task] = outer or Noted("has_key" if verb == "__contains__" else verb)
        noted.whole = whole
        try:
            return effect(desk, noted, given)
        finally:
            noted.whole = False
            if outer is None:
                del under_way[task]
                desk.tell(noted)

    return watching
