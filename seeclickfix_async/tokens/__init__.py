"""Access tokens: the token endpoint, token sources and token stores.

`KeyringStore` requires the extra `keyring`, and `RedisStore` the extra `redis` or redis-py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeclickfix_async._core.public_names import lazy_getattr

if TYPE_CHECKING:
    from seeclickfix_async.tokens._accounts import Accounts as Accounts
    from seeclickfix_async.tokens._endpoint import TokenEndpoint as TokenEndpoint
    from seeclickfix_async.tokens._sources import StoredToken as StoredToken
    from seeclickfix_async.tokens._stores.base import MemoryStore as MemoryStore
    from seeclickfix_async.tokens._stores.base import TokenStore as TokenStore
    from seeclickfix_async.tokens._stores.file import FileStore as FileStore
    from seeclickfix_async.tokens._stores.keyring import KeyringStore as KeyringStore
    from seeclickfix_async.tokens._stores.redis import RedisStore as RedisStore

_LAZY_IMPORTS = {
    "_accounts": ("Accounts",),
    "_endpoint": ("TokenEndpoint",),
    "_sources": ("StoredToken",),
    "_stores.base": ("MemoryStore", "TokenStore"),
    "_stores.file": ("FileStore",),
    "_stores.keyring": ("KeyringStore",),
    "_stores.redis": ("RedisStore",),
}

__all__ = [
    "Accounts",
    "FileStore",
    "KeyringStore",
    "MemoryStore",
    "RedisStore",
    "StoredToken",
    "TokenEndpoint",
    "TokenStore",
]

__getattr__: Callable[[str], object] = lazy_getattr(__name__, _LAZY_IMPORTS)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
