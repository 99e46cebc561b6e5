"""The users of an experiment: who is logged in, for which functions."""

from typing import Any

from ..errors import UserError, one_line
from ..project.client import Handler, ProjectClient


class Users:
    """The users of all functions, each of them once; `clients` holds a client for each, once they are logged in."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self.clients: list[ProjectClient] = []
        self._places: dict[Any, int] = {}

    def find(self, name: str, wanted: Any) -> list[int]:
        """Return the indices of the users of the function called *name*; *wanted* is its `users=`.

        Raises:
            UserError: if there are none, or fewer than were asked for.
        """
        from django.contrib.auth import get_user_model

        if callable(wanted):
            found = list(wanted())
        elif isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
            raise UserError(
                f"{one_line(name)}: users={wanted!r:.40}: it must be a number of users, or a function that returns them"
            )
        else:
            found = list(get_user_model()._default_manager.filter(is_active=True).order_by("pk")[:wanted])
            if len(found) < wanted:
                raise UserError(
                    f"{one_line(name)}: users={wanted} asks for more active users than there are, {len(found)}; "
                    "create them in @APP.fill"
                )
        if not found:
            raise UserError(f"{one_line(name)}: it has no users; create some in @APP.fill")
        return [self._place(user) for user in found]

    def log_in(self, handler: Handler) -> None:
        """Log each user in, each on a client of their own."""
        for user in self.all:
            client = ProjectClient(handler)
            client.force_login(user)
            self.clients.append(client)

    def _place(self, user: Any) -> int:
        if user.pk not in self._places:
            self._places[user.pk] = len(self.all)
            self.all.append(user)
        return self._places[user.pk]
