"""Connections to a real server: few, reused, and returned to the pool."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx2
import pytest

from seeclickfix_async import AsyncClient, Retry, __version__, errors
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import HTTPBackend
from tests.support.raw_servers import raw_server

pytestmark = pytest.mark.anyio


class _Server(ThreadingHTTPServer):
    """A server that counts connections and concurrent requests, and can delay its responses."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.responding = threading.Event()
        self.responding.set()
        self.connections = self.open = self.concurrent = self.most_concurrent = 0
        self.paths: list[str] = []
        self.agents: set[str] = set()
        self.cookies: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1
            self.server.open += 1

    def finish(self) -> None:
        super().finish()
        with self.server.lock:
            self.server.open -= 1

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.paths.append(self.path)
            self.server.agents.update(self.headers.get_all("User-Agent", []))
            self.server.cookies += self.headers.get_all("Cookie", [])
            self.server.concurrent += 1
            self.server.most_concurrent = max(self.server.most_concurrent, self.server.concurrent)
        self.server.responding.wait(10)
        with self.server.lock:
            self.server.concurrent -= 1
        body = b'{"id": 7}'
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "session=of-somebody; Path=/")
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client has left

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.responding.set()
        server.shutdown()
        thread.join()


async def test_many_tasks_share_few_connections(server: _Server) -> None:
    async with (
        AsyncClient(base_url=server.url, limiter=None) as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(300):
            tasks.start_soon(client.issues.get, 7)

    assert len(server.paths) == 300
    assert server.most_concurrent <= 16
    assert server.connections <= 16


async def _fill(
    tasks: anyio.abc.TaskGroup, client: AsyncClient, server: _Server, count: int
) -> None:
    """Start `count` requests, and wait until sixteen have reached the server."""
    for _ in range(count):
        tasks.start_soon(client.issues.get, 7)
    while server.concurrent < 16:
        await anyio.lowlevel.checkpoint()


async def test_idle_connections_are_closed(server: _Server) -> None:
    clock = VirtualClock()
    async with AsyncClient(base_url=server.url, limiter=None, clock=clock) as client:
        server.responding.clear()
        async with anyio.create_task_group() as tasks:
            await _fill(tasks, client, server, 16)
            server.responding.set()
        for _ in range(2):
            clock.advance(30)
            await client.issues.get(7)

        with anyio.fail_after(10):
            while server.open > 1:
                await anyio.lowlevel.checkpoint()
        await client.issues.get(7)

    assert server.connections == 16  # the last requests needed no new one


async def test_a_cancelled_request_returns_its_connection(server: _Server) -> None:
    async with AsyncClient(base_url=server.url, limiter=None) as client:
        for _ in range(5):
            server.responding.clear()
            async with anyio.create_task_group() as tasks:
                await _fill(tasks, client, server, 100)
                tasks.cancel_scope.cancel()
            server.responding.set()

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(32):
                    tasks.start_soon(client.issues.get, 7)


async def test_a_proxy_of_the_environment_is_used(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async with AsyncClient(base_url="http://city.example", limiter=None) as client:
        issue = await client.issues.get(7)

    assert issue.id == 7
    assert server.paths == ["http://city.example/api/v2/issues/7"]


async def test_views_share_one_connection(server: _Server) -> None:
    async with AsyncClient(base_url=server.url, limiter=None, user_agent="bot/1") as client:
        await client.issues.get(7)
        await client.with_options(timeout=5).issues.get(7)

    assert server.connections == 1
    assert server.cookies == []  # though each response sets one
    assert server.agents == {f"bot/1 seeclickfix-async/{__version__}"}


@pytest.mark.parametrize(
    ("coding", "encode"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"", bytes)]
)
async def test_a_compressed_response_is_decompressed(
    http: Any, coding: bytes, encode: Callable[[bytes], bytes]
) -> None:
    body = encode(b'{"id": 7}')

    async def serve(stream: anyio.abc.SocketStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n" % coding)
        await stream.send(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async with (
        raw_server(serve) as port,
        AsyncClient(base_url=f"http://127.0.0.1:{port}", http=http, limiter=None) as client,
    ):
        assert (await client.issues.get(7)).id == 7


async def test_a_response_that_a_hook_has_read_can_be_read(
    backend: HTTPBackend, server: _Server
) -> None:
    async def read(response: Any) -> None:
        await response.aread()

    async with (
        backend.module.AsyncClient(event_hooks={"response": [read]}) as http,
        AsyncClient(base_url=server.url, http=http, limiter=None) as client,
    ):
        assert (await client.issues.get(7)).id == 7


@pytest.mark.parametrize("name", ["Cookie", "cookie"])
async def test_a_cookie_of_the_caller_is_not_sent(http: Any, name: str, server: _Server) -> None:
    async with AsyncClient(base_url=server.url, http=http, limiter=None) as client:
        await client.request("GET", "/issues/7", headers={name: "session=mine"})

    assert server.cookies == []


async def test_a_failed_connection_names_the_host_and_the_cause(server: _Server) -> None:
    refusing = "http://me:and-my-secret@127.0.0.1:9"
    tls = server.url.replace("http", "https")
    messages = []
    async with AsyncClient(limiter=None, retry=Retry(attempts=1)) as client:
        for host in (refusing, tls, "http://nowhere.invalid"):
            with pytest.raises(errors.ConnectionFailedError) as caught:
                await client.request("GET", f"{host}/issues?search=of-mine")
            messages.append(str(caught.value).partition(". Nothing was sent")[0])

    assert messages[0] == "GET /issues: The connection to 127.0.0.1:9 failed: the server refused it"
    assert "failed: TLS failed (" in messages[1]
    assert "nowhere.invalid failed: the host name cannot be resolved" in messages[2]
    assert not any(secret in message for message in messages for secret in ("my-secret", "of-mine"))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("library", "rounds"), [("ours", 30), ("httpx2", 8)])
async def test_cancellation_by_asyncio_loses_no_connection(
    server: _Server, library: str, rounds: int
) -> None:
    """`asyncio.timeout` and web frameworks cancel a task at any step, outside of cancel scopes."""
    random = Random(311)
    async with (
        httpx2.AsyncClient() as http2,
        AsyncClient(
            base_url=server.url, limiter=None, http=http2 if library == "httpx2" else None
        ) as client,
    ):
        await client.issues.get(7)
        for _ in range(rounds):
            tasks = [asyncio.ensure_future(client.issues.get(7)) for _ in range(40)]
            for _ in range(random.randrange(60)):
                await anyio.lowlevel.checkpoint()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for _ in range(32):
                    group.start_soon(client.issues.get, 7)
