"""Memcached past 2038: an entry that would expire later is lost at once, as on a server of today.

Django sends a timeout of more than 30 days as an instant, and memcached 1.6.18 keeps that in 32 bits with a sign: from
2^31 on (19 January 2038) it lies in the past. A private server's clock starts in 2000, so the run would reach that
limit only with longer timeouts. What such a run sends is therefore what a site sends whose day is `TODAY_S`, for good:
the same run gives the same reads in any year.
"""

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from ..engine.virtual import CURRENT_RUN

TODAY_S = 1_767_225_600  # 2026-01-01 UTC, when every run begins as far as 2038 is concerned
LAST_S = 2**31 - 1  # the last instant that memcached can tell from the past
LONGEST_RELATIVE_S = 30 * 86_400  # memcached takes what is more for an instant


def until_2038(cls: type[BaseCache]) -> type[BaseCache]:
    """Return *cls*, a cache on memcached, which sends an instant past 2038 as a site of `TODAY_S` sends it."""

    def get_backend_timeout(self: Any, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        sent_s: Any = cls.get_backend_timeout(self, timeout)
        current = CURRENT_RUN.get()
        if current is None or not sent_s or sent_s <= LONGEST_RELATIVE_S:
            return sent_s
        of_today_s = sent_s - int(current.epoch_s) + TODAY_S
        return of_today_s if of_today_s > LAST_S else sent_s

    members = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls,), {**members, "get_backend_timeout": get_backend_timeout})
