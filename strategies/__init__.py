"""The strategies, in the order in which every table and chart shows them: one import line each."""

from cachewise import Strategy
from .no_cache import NoCache as NoCache
from .oracle import Oracle as Oracle
from .ttl_only import TtlOnly as TtlOnly
from .delete_in_transaction import DeleteInTransaction as DeleteInTransaction
from .delete_on_write import DeleteOnWrite as DeleteOnWrite
from .delete_then_set import DeleteThenSet as DeleteThenSet
from .write_through_in_transaction import WriteThroughInTransaction as WriteThroughInTransaction
from .write_through import WriteThrough as WriteThrough
from .delete_pattern import DeletePattern as DeletePattern
from .clear_all import ClearAll as ClearAll
from .versioning import Versioning as Versioning
from .incr_version import IncrVersion as IncrVersion
from .namespace_version import NamespaceVersion as NamespaceVersion
from .key_based import KeyBased as KeyBased
from .get_or_set import GetOrSet as GetOrSet

STRATEGIES: dict[str, type[Strategy]] = {
    vars(member)["name"]: member
    for member in list(globals().values())
    if isinstance(member, type) and hasattr(member, "read") and member is not Strategy
}
