"""What Django code does today, and which strategy it is: the usual first.

`cachewise list strategies` and docs/strategies.md show all, the README the usual.
"""

from typing import NamedTuple


class Habit(NamedTuple):
    """A usual way to cache, in words and code (Markdown), and the strategy it is, as ``--strategy`` takes it."""

    code: str
    strategy: str
    remark: str = ""
    exact: bool = True

    @property
    def here(self) -> str:
        """What it is called here (Markdown). Where it is not exactly that strategy, this says so."""
        return f"{'' if self.exact else 'closest: '}`{self.strategy}`{self.remark and f'; {self.remark}'}"


USUAL = 12  # how many of these the README shows
TODAY = (
    Habit("`cache.get`, `cache.set` with a timeout, and no delete", "ttl-only"),
    Habit(
        "`cache_page(60)`, or the per-site cache with 60 s",
        "ttl-only:timeout=60",
        "a hit takes two cache calls",
        exact=False,
    ),
    Habit("`{% cache 300 name %}`", "ttl-only:timeout=300"),
    Habit(
        "`cache.get_or_set(key, load, 300)`, and no delete",
        "ttl-only:timeout=300",
        "a miss takes one more cache call",
        exact=False,
    ),
    Habit("`cache.delete` after `save()` or in `post_save`, in autocommit", "delete-on-write"),
    Habit(
        "the same, but under ATOMIC_REQUESTS, in `atomic`, in the admin, or by `update_or_create`",
        "delete-in-transaction",
    ),
    Habit("`transaction.on_commit(lambda: cache.delete(key))`", "delete-on-write"),
    Habit("`cache.set` of the new row in `on_commit`, or in autocommit after `save()`", "write-through"),
    Habit("a number for each row in the cache, part of its key; `cache.incr` in `on_commit`", "versioning"),
    Habit(
        "`{% cache 300 name row.updated_at %}`, `updated_at` in a key",
        "key-based",
        "outdated where a write leaves `updated_at` as it was, as `update()` does",
        exact=False,
    ),
    Habit(
        "django-cachalot",
        "clear-all",
        "it drops the queries of the changed tables only; in autocommit it drops them before the statement runs",
        exact=False,
    ),
    Habit("django-cacheops", "delete-on-write", "it drops nothing on `update()`", exact=False),
    Habit("no cache", "no-cache"),
    Habit("`cache.get_or_set`, and `cache.delete` in `on_commit`", "get-or-set"),
    Habit(
        "`cache.delete` in `post_delete` or `m2m_changed`",
        "delete-in-transaction",
        "Django sends both inside a transaction, in autocommit too",
    ),
    Habit("`cache.set` of the new row inside a transaction", "write-through-in-transaction"),
    Habit("`cache.delete`, then `save()`, then `cache.set`, in autocommit", "delete-then-set"),
    Habit(
        "one number before all keys; `cache.incr` in `on_commit`",
        "namespace-version",
        "it has a random token instead of a number",
        exact=False,
    ),
    Habit("`cache.incr_version(key)` in `on_commit`", "incr-version"),
    Habit('`cache.delete_pattern("product:*")` of django-redis, in `on_commit`', "delete-pattern"),
    Habit("`cache.clear()` in `on_commit`, or in autocommit after `save()`", "clear-all"),
)
