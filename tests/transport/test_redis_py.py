"""The rate limiter and the token store on a client of redis-py, with a real Redis server."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import coredis
import pytest
import redis as redis_py
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from seeclickfix_async import RedisLimiter, errors
from seeclickfix_async.tokens import RedisStore
from tests.support.redis_server import RedisServer
from tests.support.tokens import STORE_CALLS, make_token

pytestmark = pytest.mark.anyio
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture(params=[False, True], ids=["bytes", "decoded"])
async def redis(server: RedisServer, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with Redis(port=server.port, decode_responses=request.param) as opened:
        await opened.flushall()
        yield opened


@on_asyncio
async def test_a_store_keeps_tokens_and_locks(redis: Any) -> None:
    store = RedisStore(redis)

    await store.put("me", make_token(1))
    assert await store.get("me") == make_token(1)
    await store.delete("me")
    assert await store.get("me") is None
    async with store.lock("me"):
        assert len(await redis.keys()) == 1
    assert await redis.keys() == []


@on_asyncio
async def test_a_lock_excludes_clients_of_the_other_library(
    redis: Any, server: RedisServer
) -> None:
    async with coredis.Redis(port=server.port) as other:
        async with RedisStore(redis).lock("me"):
            with anyio.move_on_after(0.1) as scope:
                async with RedisStore(other).lock("me"):
                    raise AssertionError("two have the lock")
        async with RedisStore(other).lock("me"):
            pass

    assert scope.cancelled_caught


@on_asyncio
async def test_a_quota_is_shared_with_clients_of_the_other_library(
    redis: Any, server: RedisServer
) -> None:
    async with coredis.Redis(port=server.port) as other:
        limiters = RedisLimiter(redis, 2, per=3000), RedisLimiter(other, 2, per=3000)
        for limiter in limiters:
            async with limiter.slot(max_wait=0):
                pass
        for limiter in limiters:
            with pytest.raises(errors.RateLimitedError):
                await limiter.slot(max_wait=0).__aenter__()


@on_asyncio
async def test_a_slot_survives_flushed_scripts_and_lost_data(redis: Any) -> None:
    limiter = RedisLimiter(redis, 1, per=0.1)
    for _ in range(2):
        async with limiter.slot(max_wait=1):
            await redis.script_flush()
            await redis.flushall()


@on_asyncio
async def test_a_repeated_request_for_a_slot_gets_the_same_one(redis: Any) -> None:
    limiter = RedisLimiter(redis, 1, per=3000)
    await limiter.slot(max_wait=0).__aenter__()
    (token,) = limiter._in_use

    # The library repeats a command whose response it lost.
    assert await limiter._run(limiter._take, token, 1, 0) == "taken"


@on_asyncio
async def test_a_full_server_is_an_error(redis: Any) -> None:
    limiter, store = RedisLimiter(redis, 1, per=30), RedisStore(redis)
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(errors.ConnectionFailedError, match=r"refuses \(OutOfMemoryError"):
            await limiter.slot(max_wait=0).__aenter__()
        with pytest.raises(errors.TokenStoreError, match="out of memory"):
            await store.put("me", make_token(1))
    finally:
        await redis.config_set("maxmemory", 0)


@on_asyncio
async def test_a_server_that_refuses_or_is_away_is_an_error(server: RedisServer) -> None:
    once = Retry(NoBackoff(), 0)
    async with Redis(port=server.port, username="nobody", password="x", retry=once) as refused:
        with pytest.raises(errors.ConnectionFailedError, match=r"refuses \(AuthenticationError"):
            await RedisLimiter(refused).slot().__aenter__()
    async with Redis(port=9, retry=once) as away:
        with pytest.raises(errors.ConnectionFailedError, match="cannot be reached"):
            await RedisLimiter(away).slot().__aenter__()
        for call in STORE_CALLS.values():
            with pytest.raises(errors.TokenStoreError, match="ConnectionError"):
                await call(RedisStore(away))


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_redis_py_is_refused_on_trio(server: RedisServer) -> None:
    redis = Redis(port=server.port)

    for call in STORE_CALLS.values():
        with pytest.raises(errors.ClientStateError, match=r"asyncio only\. Pass a coredis\.Redis"):
            await call(RedisStore(redis))
    with pytest.raises(errors.ClientStateError, match="asyncio only"):
        await RedisLimiter(redis).slot().__aenter__()
    gc.collect()


@pytest.mark.parametrize("redis", [redis_py.Redis(), Redis, object(), None])
@pytest.mark.parametrize("user", [RedisLimiter, RedisStore])
def test_what_is_not_an_async_client_is_refused(user: Any, redis: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"a coredis\.Redis or a redis\.asyncio"):
        user(redis)
