"""The strategies, in the order in which every table and chart shows them: one import line each."""

from sim.contract import Strategy
from strategies.no_cache import NoCache as NoCache
from strategies.oracle import Oracle as Oracle
from strategies.ttl_only import TtlOnly as TtlOnly
from strategies.delete_in_transaction import DeleteInTransaction as DeleteInTransaction
from strategies.delete_on_write import DeleteOnWrite as DeleteOnWrite
from strategies.delete_then_set import DeleteThenSet as DeleteThenSet
from strategies.write_through import WriteThrough as WriteThrough
from strategies.delete_pattern import DeletePattern as DeletePattern
from strategies.clear_all import ClearAll as ClearAll
from strategies.versioning import Versioning as Versioning
from strategies.incr_version import IncrVersion as IncrVersion
from strategies.namespace_version import NamespaceVersion as NamespaceVersion
from strategies.key_based import KeyBased as KeyBased
from strategies.get_or_set import GetOrSet as GetOrSet

STRATEGIES: dict[str, type[Strategy]] = {
    member.name: member
    for member in list(globals().values())
    if hasattr(member, "stale_at_most") and member is not Strategy
}
