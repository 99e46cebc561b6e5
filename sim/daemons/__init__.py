"""Private servers: real Redis, Memcached and PostgreSQL, started when first needed and stopped afterwards.

Code here connects only to servers that it has started. Every server listens on a unix socket in a private folder and
nowhere else, and leaves nothing on the disk.
"""

from .session import Servers, servers

__all__ = ["Servers", "servers"]
