"""What a run wants to know of its requests: each statement, each commit, each call of a cache, as it happens."""

from typing import NamedTuple, Protocol

Tables = frozenset[str]
ALL_TABLES: Tables = frozenset({"*"})  # nobody can say which


class Statement(NamedTuple):
    """A statement of the current request that has ended; `seconds` of virtual time have passed, waiting included."""

    alias: str
    writes: bool
    tables: Tables  # that its text names
    seconds: float


class CacheCall(NamedTuple):
    """A call of a cache by the current request.

    `site` is the file and line (of a template, too) in the project that made it; `pattern` is its key with what varies
    replaced by ``*``. `store` says that such keys are no copies. `oldest_s` is the birth of the oldest copy that it hit
    (infinity: none): the beginning of the request that stored it, or earlier, where that one had itself hit an older
    one.
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
    """Who is told. All are called within the request, and must not wait."""

    def statement(self, statement: Statement) -> None:
        """Hear of a statement, at its end."""

    def committed(self, tables: Tables) -> None:
        """Hear of a commit that changed a row of *tables*, at the instant from which others see it."""

    def cache_call(self, call: CacheCall) -> None:
        """Hear of a call of a cache, when it has returned."""

    def store_read(self, alias: str, key: str, value: bytes | None) -> None:
        """Hear what a request was told of a store (a cache's entry that is no copy): pickled, None if it was not there.

        *key* is the key as it is stored.
        """

    def stores_lost(self, count: int) -> None:
        """Hear that so many live stores are gone that nobody had deleted one by one."""
