"""Private servers: real Redis, Memcached and PostgreSQL, started when first asked for and gone afterwards.

Nothing here ever connects to a server that it did not start. Every server listens on a unix socket in a private folder
and nowhere else, and keeps nothing on disk that outlives it.
"""

from .session import Servers, servers

__all__ = ["Servers", "servers"]
