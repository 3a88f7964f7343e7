"""Connections on a real socket: few, kept, and given back."""

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
import pytest

from seeclickfix_async import AsyncClient, Retry, __version__, errors
from tests.support.clock import VirtualClock
from tests.support.http_backends import HTTPBackend
from tests.support.raw_servers import raw_server

pytestmark = pytest.mark.anyio


class _Server(ThreadingHTTPServer):
    """Counts connections and what is under way; can be told to hold its answers back."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.answering = threading.Event()
        self.answering.set()
        self.connections = self.open = self.under_way = self.most_under_way = 0
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
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        self.server.answering.wait(10)
        with self.server.lock:
            self.server.under_way -= 1
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
        server.answering.set()
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
    assert server.most_under_way <= 16
    assert server.connections <= 16


async def _fill(
    tasks: anyio.abc.TaskGroup, client: AsyncClient, server: _Server, count: int
) -> None:
    """Ask so many times, until as many are under way as can be."""
    for _ in range(count):
        tasks.start_soon(client.issues.get, 7)
    while server.under_way < 16:
        await anyio.lowlevel.checkpoint()


async def test_connections_that_nobody_wants_for_long_are_closed(server: _Server) -> None:
    clock = VirtualClock()
    async with AsyncClient(base_url=server.url, limiter=None, clock=clock) as client:
        server.answering.clear()
        async with anyio.create_task_group() as tasks:
            await _fill(tasks, client, server, 16)
            server.answering.set()
        for _ in range(2):
            clock.advance(30)
            await client.issues.get(7)

        with anyio.fail_after(10):
            while server.open > 1:
                await anyio.lowlevel.checkpoint()
        await client.issues.get(7)

    assert server.connections == 16  # the last requests had no need of a new one


async def test_what_is_cancelled_gives_its_connection_back(server: _Server) -> None:
    async with AsyncClient(base_url=server.url, limiter=None) as client:
        for _ in range(5):
            server.answering.clear()
            async with anyio.create_task_group() as tasks:
                await _fill(tasks, client, server, 100)
                tasks.cancel_scope.cancel()
            server.answering.set()

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

    async with AsyncClient("token", base_url="http://city.example", limiter=None) as client:
        issue = await client.issues.get(7)

    assert issue.id == 7
    assert server.paths == ["http://city.example/api/v2/issues/7"]


async def test_views_share_one_connection(server: _Server) -> None:
    async with AsyncClient(base_url=server.url, limiter=None, user_agent="bot/1") as client:
        await client.issues.get(7)
        await client.with_options(timeout=5).issues.get(7)

    assert server.connections == 1
    assert server.cookies == []  # though each answer sets one
    assert server.agents == {f"bot/1 seeclickfix-async/{__version__}"}


@pytest.mark.parametrize(
    ("coding", "encode"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"", bytes)]
)
async def test_a_compressed_answer_is_read(
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


async def test_an_answer_that_a_hook_has_read_is_read(
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
async def test_a_cookie_that_is_handed_in_is_not_sent(
    http: Any, name: str, server: _Server
) -> None:
    async with AsyncClient(base_url=server.url, http=http, limiter=None) as client:
        await client.request("GET", "/issues/7", headers={name: "session=mine"})

    assert server.cookies == []


async def test_a_connection_that_fails_names_the_host_and_why(server: _Server) -> None:
    nobody = "http://me:and-my-secret@127.0.0.1:9"
    tls = server.url.replace("http", "https")
    told = []
    async with AsyncClient(limiter=None, retry=Retry(attempts=1)) as client:
        for host in (nobody, tls, "http://nowhere.invalid"):
            with pytest.raises(errors.ConnectionFailedError) as caught:
                await client.request("GET", f"{host}/issues?search=of-mine")
            told.append(str(caught.value).partition(". Nothing was sent")[0])

    assert told[0] == "GET /issues: No connection to 127.0.0.1:9 could be made: it refused"
    assert "could be made: TLS failed (" in told[1]
    assert "nowhere.invalid could be made: its name is not known" in told[2]
    assert not any(secret in words for words in told for secret in ("my-secret", "of-mine"))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncios_own_cancellation_costs_no_connection_for_good(server: _Server) -> None:
    """`asyncio.timeout` and web frameworks cancel at any step, from outside of every scope."""
    random = Random(311)
    async with AsyncClient(base_url=server.url, limiter=None) as client:
        await client.issues.get(7)
        for _ in range(30):
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
