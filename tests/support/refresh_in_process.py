"""Use a stored token in a process of its own, and refresh it when needed.

python -m tests.support.refresh_in_process URL STORE

STORE is a file, or the port of a Redis.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

import anyio
import coredis

from seeclickfix_async import AsyncClient, FileStore, StoredToken, TokenEndpoint, TokenStore
from seeclickfix_async.oauth import Application
from seeclickfix_async.tokens import RedisStore


async def main(url: str, store_location: str) -> None:
    app = Application(
        "confidential-app", "http://127.0.0.1:8899/callback", "confidential-secret", url
    )
    async with AsyncExitStack() as stack:
        store: TokenStore = FileStore(store_location)
        if store_location.isdigit():
            store = RedisStore(
                await stack.enter_async_context(coredis.Redis(port=int(store_location)))
            )
        endpoint = await stack.enter_async_context(TokenEndpoint(app, limiter=None))
        client = await stack.enter_async_context(AsyncClient(base_url=url, limiter=None))
        source = StoredToken(store, "me", endpoint=endpoint)
        await source.current()
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(3):
            user = await client.with_options(token=source).users.me()
            assert user is not None
            print(user.id, flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
