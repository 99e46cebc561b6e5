"""Memcached past 2038: an entry that would expire after that year's limit is lost at once, as on a server today.

Django sends a timeout of more than 30 days as an instant. memcached 1.6.18 stores it as a signed 32-bit number: from
2^31 on (19 January 2038) it takes the instant for one in the past. A private server's clock starts in 2000, so a run
would reach that limit only with longer timeouts. Therefore a run sends what a site would send on the fixed day
`TODAY_S`. So the same run gives the same reads in any year.
"""

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from ..engine.virtual import CURRENT_RUN

TODAY_S = 1_767_225_600  # 2026-01-01 UTC: for the limit of 2038, every run begins here
LAST_S = 2**31 - 1  # the last instant that memcached does not take for the past
LONGEST_RELATIVE_S = 30 * 86_400  # memcached takes larger numbers for an instant


def until_2038(cls: type[BaseCache]) -> type[BaseCache]:
    """Return *cls*, a cache on memcached; it sends an instant past 2038 as a site on the day `TODAY_S` would."""

    def get_backend_timeout(self: Any, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        sent_s: Any = cls.get_backend_timeout(self, timeout)
        current = CURRENT_RUN.get()
        if current is None or not sent_s or sent_s <= LONGEST_RELATIVE_S:
            return sent_s
        of_today_s = sent_s - int(current.epoch_s) + TODAY_S
        return of_today_s if of_today_s > LAST_S else sent_s

    members = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls,), {**members, "get_backend_timeout": get_backend_timeout})
