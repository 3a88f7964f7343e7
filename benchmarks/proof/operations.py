"""The operations of the fault matrix: reads, writes, pulls, a feed and a token refresh."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import attrs

from benchmarks.proof.faulty_server import FaultyServer
from seeclickfix_async import (
    AsyncClient,
    ChangeKind,
    FileStore,
    Retry,
    StoredToken,
    TokenEndpoint,
)
from seeclickfix_async.models import Draft
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.oauth._token import token_from_json
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import CLIENT, TOKEN
from tests.support.pulled_files import read_issues

_RETRY = Retry(base=0.01, cap=0.02, total=3.0)
_TIMEOUT = 0.5  # seconds
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 800


class WrongDataError(Exception):
    """The result of an operation differs from the service's data, and nothing says so."""


@attrs.define
class Workplace:
    """A service, and a client library and a folder to use it with.

    Attributes:
        server: The server.
        library: `httpx` or `httpx2`.
        folder: An empty folder.
    """

    server: FaultyServer
    library: str
    folder: Path

    @property
    def ids(self) -> list[int]:
        """The ids of the service's issues."""
        city = self.server.sandbox.city
        return sorted(city.id_of(row) for row in range(len(city)))

    async def client(self, stack: AsyncExitStack, token: str | None = None) -> AsyncClient:
        """Return a client of the library, which the stack closes."""
        http: Any = None
        if self.library != "httpx":
            http = await stack.enter_async_context(import_module(self.library).AsyncClient())
        client = AsyncClient(
            token,
            base_url=self.server.url,
            http=http,
            limiter=None,
            retry=_RETRY,
            timeout=_TIMEOUT,
            total_timeout=4 * _TIMEOUT,
        )
        return await stack.enter_async_context(client)


@attrs.frozen
class Operation:
    """An operation, and which requests a fault meets.

    Attributes:
        name: Its name in the results.
        run: Carries it out, and raises `WrongDataError` if the result is wrong.
        on: Method and path of the requests that are spoiled, as for `Faults.append`.
        is_write: Whether it must not be carried out twice.
        is_endless: Whether it polls until it succeeds.
    """

    name: str
    run: Callable[[Workplace], Awaitable[None]]
    on: str = "*"
    is_write: bool = False
    is_endless: bool = False


async def _get(place: Workplace) -> None:
    async with AsyncExitStack() as stack:
        client = await place.client(stack)
        _check((await client.issues.get(place.ids[0])).id == place.ids[0], "another issue")


async def _list(place: Workplace) -> None:
    async with AsyncExitStack() as stack:
        client = await place.client(stack)
        pager = client.issues.list(status="all", per_page=50)
        ids = [issue.id async for issue in pager]
        rejected = len(pager.rejected)
    _check(len(ids) == len(set(ids)), "duplicates")
    _check(set(ids) <= set(place.ids), "unknown issues")
    _check(len(ids) + rejected == len(place.ids), f"{len(ids)} issues, {rejected} rejected")


async def _create(place: Workplace) -> None:
    draft = Draft(
        request_type_id="other",
        lat=41.05,
        lng=-73.54,
        address="1 Main Street",
        answers={"summary": "Pothole"},
        image=_PNG,
    )
    async with AsyncExitStack() as stack:
        client = await place.client(stack, TOKEN)
        await client.issues.create(draft)


async def _upload(place: Workplace) -> None:
    async with AsyncExitStack() as stack:
        client = await place.client(stack, TOKEN)
        image = anyio.wrap_file(io.BytesIO(_PNG))
        await client.issues.comment(place.ids[0], "Still there.", image=image)


async def _refresh(place: Workplace) -> None:
    app = Application(CLIENT, "http://127.0.0.1:9/callback", base_url=place.server.url)
    store = FileStore(place.folder / "tokens")
    if await store.get("me") is None:
        await store.put("me", _expired_token(place))
    async with AsyncExitStack() as stack:
        client = await place.client(stack)
        endpoint = TokenEndpoint(app, limiter=None, retry=_RETRY, timeout=_TIMEOUT)
        source = StoredToken(store, "me", endpoint=await stack.enter_async_context(endpoint))
        _check(await client.with_options(token=source).users.me() is not None, "nobody")


def _expired_token(place: Workplace) -> Token:
    """Return a token that has to be refreshed."""
    created_at = datetime.now(UTC) - timedelta(hours=1)
    token = token_from_json(place.server.sandbox.grant(), now=created_at)
    return attrs.evolve(token, expires_in=1)


async def _watch(place: Workplace) -> None:
    async with AsyncExitStack() as stack:
        client = await place.client(stack)
        feed = client.issues.watch(every=0.02)
        await feed.begin()
        city = place.server.sandbox.city
        expected = [city.id_of(city.report()) for _ in range(3)]
        reported: list[int] = []
        while len(reported) < len(expected):
            change = await anext(feed)
            reported += [change.issue.id] * (change.kind is ChangeKind.OPENED)
    _check(reported == expected, f"{reported} instead of {expected}")


def _pull(name: str) -> Callable[[Workplace], Awaitable[None]]:
    async def run(place: Workplace) -> None:
        file = place.folder / name
        async with AsyncExitStack() as stack:
            report = await pull(await place.client(stack), to=file)
        ids = [int(row["id"]) for row in read_issues(file)]
        _check(len(ids) == len(set(ids)), "duplicates")
        _check(set(ids) <= set(place.ids), "unknown issues")
        _check(not report.complete or ids == place.ids, f"complete with {len(ids)} issues")

    return run


def _check(is_right: bool, otherwise: str) -> None:  # noqa: FBT001
    if not is_right:
        raise WrongDataError(otherwise)


_FILES = ("city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet", "city.geoparquet")

OPERATIONS = (
    Operation("get", _get),
    Operation("list", _list),
    Operation("report with a photo", _create, "POST *", is_write=True),
    Operation("upload", _upload, "POST *", is_write=True),
    Operation("refresh", _refresh, "POST /oauth/token"),
    Operation("watch", _watch, is_endless=True),
    *(Operation(f"pull into {name}", _pull(name)) for name in _FILES),
)
