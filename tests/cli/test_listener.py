"""The web server of a login at the terminal: requests of browsers and of other programs."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from seeclickfix_async._cli.listener import Listener, listening
from tests.support.browser import BrowserPool

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger


@pytest.fixture
def received() -> list[str]:
    return []


@pytest.fixture
def listener(received: list[str]) -> Iterator[Listener]:
    def on_response(response: str) -> str:
        received.append(response)
        return "<Thank you>"

    with listening(0) as listener:
        listener.on_response = on_response
        yield listener


def _connect(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.server_port), timeout=10)


def _exchange(listener: Listener, *lines: str, body: bytes = b"") -> str:
    """Send a request, valid or not, and return the whole response."""
    with _connect(listener) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        with connection.makefile("rb") as response:
            return response.read().decode()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /favicon.ico HTTP/1.1"], "404"),
        (["GET / HTTP/1.1"], "404"),
        (["GET /callback/ HTTP/1.1"], "404"),
        (["GET //[ HTTP/1.1"], "404"),
        (["HEAD /callback?code=a HTTP/1.1"], "501"),
        (["OPTIONS * HTTP/1.1"], "501"),
        (["GET /callback HTTP/9.9"], "505"),
        (["GET"], "400"),
        (["\x16\x03\x01\x02"], "400"),
        ([f"GET /{'a' * 70_000} HTTP/1.1"], "414"),
        (["POST /callback HTTP/1.1"], "404"),
        (["POST /callback HTTP/1.1", "Content-Length: -1"], "404"),
        (["POST /callback HTTP/1.1", "Content-Length: 16385"], "404"),
        (["POST /other HTTP/1.1", "Content-Length: 0"], "404"),
    ],
)
def test_other_requests_are_refused_and_do_not_end_the_login(
    listener: Listener,
    received: list[str],
    lines: list[str],
    status: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    refusal = _exchange(listener, *lines)

    assert status in refusal
    assert "Thank you" in _exchange(listener, "GET /callback?code=a&state=b HTTP/1.1")
    assert received == ["?code=a&state=b"]  # only the valid one
    assert capfd.readouterr().err == ""


def test_a_response_is_passed_on_and_acknowledged(listener: Listener, received: list[str]) -> None:
    page = _exchange(listener, "GET /callback?error=access_denied HTTP/1.1")
    relay = _exchange(listener, "GET /callback HTTP/1.1")
    post = ("POST /callback HTTP/1.1", "Content-Length: 3")
    message = _exchange(listener, *post, body=b"a=\xff")

    assert received == ["?error=access_denied", "#a=�"]
    assert "&lt;Thank you&gt;" in page
    assert "history.replaceState" in page
    assert "location.hash" in relay
    assert message.endswith("<Thank you>")
    assert "text/plain" in message
    for response in (page, relay, message):
        assert "Cache-Control: no-store" in response
        assert "Referrer-Policy: no-referrer" in response


def test_broken_and_idle_connections_do_not_block_others(
    listener: Listener, received: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with _connect(listener):  # as browsers do, for a request that they may never send
        for half in (b"GET /callback?co", b"POST /callback HTTP/1.1\r\nContent-Length: 9\r\n\r\na"):
            with _connect(listener) as connection:
                connection.sendall(half)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        assert "Thank you" in _exchange(listener, "GET /callback?code=a HTTP/1.1")

    assert received[-1] == "?code=a"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("response", ["#access_token=a&state=b", "?code=a&state=b"])
def test_a_browser_sends_the_response_and_cleans_its_address(
    listener: Listener, received: list[str], response: str, browsers: BrowserPool
) -> None:
    browser = browsers.new_tab()
    browser.open(listener.address + response)
    browser.wait_for_text("<Thank you>")

    assert browser.driver.current_url == listener.address
    assert received == [response]
