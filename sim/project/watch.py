"""The events that a run records about its requests: each statement, commit and call of a cache, as it happens."""

from typing import NamedTuple, Protocol

Tables = frozenset[str]
ALL_TABLES: Tables = frozenset({"*"})  # it is unknown which


class Statement(NamedTuple):
    """A statement of the current request that has ended; `seconds` of virtual time have passed, waiting included."""

    alias: str
    writes: bool
    tables: Tables  # those that its text names
    seconds: float


class CacheCall(NamedTuple):
    """A call of a cache by the current request.

    `site` is the file and line in the project (or in a template) that made it; `pattern` is its key with varying parts
    replaced by ``*``. `store` says that such keys are not copies. `oldest_s` is the birth of the oldest copy that it
    hit (infinity: none). This is when the request that stored it began, or earlier if that request had itself hit an
    older copy.
    """

    site: str
    alias: str
    verb: str
    pattern: str
    timeout: float | None
    hits: int
    misses: int
    oldest_s: float
    store: bool


class Watch(Protocol):
    """Gets these events. All methods are called within the request, and must not wait."""

    def statement(self, statement: Statement) -> None:
        """Take a statement, at its end."""

    def committed(self, tables: Tables) -> None:
        """Take a commit that changed a row of *tables*, at the instant from which others see it."""

    def cache_call(self, call: CacheCall) -> None:
        """Take a call of a cache, when it has returned."""

    def store_read(self, alias: str, key: str, value: bytes | None) -> None:
        """Take a store's value that a request got (an entry that is no copy): pickled, None if there was none.

        *key* is the key as it is stored.
        """

    def stores_lost(self, count: int) -> None:
        """Take the number of live stores that are gone, although no request has deleted them one by one."""
