"""A strategy made of two plain functions."""

import sys
from collections.abc import Callable
from typing import Any

from .contract import Bound, Costs, Row, Site
from .declared import plain_name
from .errors import UserError


class FromFunctions:
    """A strategy made of two functions: ``read(site, key)`` returns the row, ``write(site, key)`` changes it.

    At the top of a file, ``MY_IDEA = FromFunctions(read, write)`` is the strategy ``my-idea``; *name* gives another.
    *costs*, *stale_at_most* and *needs* are those of `Strategy`; reports claim nothing that is left out.

    Worker processes find it by its variable or, if it has none, by its functions. So the variable or the functions must
    be at the top of a module.

    Raises:
        UserError: if *read* or *write* cannot be called.
    """

    costs: Costs
    stale_at_most: Bound

    def __init__(
        self,
        read: Callable[[Site, str], Row],
        write: Callable[[Site, str], Any],
        *,
        name: str | None = None,
        costs: Costs | None = None,
        stale_at_most: Bound | None = None,
        needs: tuple[str, ...] = (),
    ) -> None:
        for verb, func in (("read", read), ("write", write)):
            if not callable(func):
                raise UserError(f"FromFunctions: {verb}={func!r:.40} must be a function of site and key")
        self.functions = {"read": read, "write": write}
        self.needs = needs
        self.__doc__ = (
            read.__doc__ or ""
        )  # this is shown to people; the docstring of this class is about something else
        self._name = name
        self.__module__ = str(sys._getframe(1).f_globals.get("__name__"))  # the module that makes it, as in namedtuple
        if costs is not None:
            self.costs = costs
        if stale_at_most is not None:
            self.stale_at_most = stale_at_most

    @property
    def name(self) -> str:
        """The name that was given, or else one made from its variable."""
        return plain_name(self.__name__) if self._name is None else self._name

    @property
    def __name__(self) -> str:
        return self._variable() or "FromFunctions"

    def read(self, site: Site, key: str) -> Row:
        """Call the function that reads."""
        return self.functions["read"](site, key)  # type: ignore[no-any-return]

    def write(self, site: Site, key: str) -> Any:
        """Call the function that writes."""
        return self.functions["write"](site, key)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._variable() or super().__reduce_ex__(protocol)

    def _variable(self) -> str:
        """Return the variable of its module that holds it; an empty string if there is none."""
        module = sys.modules.get(self.__module__)
        return next((name for name, value in vars(module or sys).items() if value is self), "")
