"""What comes to the port of a login at the terminal, from browsers and from whoever finds it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from seeclickfix_async._cli.listener import Listener, listening

_LINGER_NOT = struct.pack("ii", 1, 0)  # closing resets the connection


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def listener(taken: list[str]) -> Iterator[Listener]:
    def take(answer: str) -> str:
        taken.append(answer)
        return "<Thank you>"

    with listening(0) as listener:
        listener.take = take
        yield listener


def _connected(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.server_port), timeout=10)


def _ask(listener: Listener, *lines: str, body: bytes = b"") -> str:
    """Everything that is answered to a request, whatever it looks like."""
    with _connected(listener) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        with connection.makefile("rb") as answer:
            return answer.read().decode()


@pytest.mark.parametrize(
    ("lines", "answered"),
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
def test_what_is_no_answer_of_a_browser_is_refused(
    listener: Listener,
    taken: list[str],
    lines: list[str],
    answered: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    said = _ask(listener, *lines)

    assert answered in said
    assert "Thank you" in _ask(listener, "GET /callback?code=a&state=b HTTP/1.1")
    assert taken == ["?code=a&state=b"]  # and nothing before it
    assert capfd.readouterr().err == ""


def test_an_answer_is_handed_on_and_thanked_for(listener: Listener, taken: list[str]) -> None:
    page = _ask(listener, "GET /callback?error=access_denied HTTP/1.1")
    relay = _ask(listener, "GET /callback HTTP/1.1")
    text = _ask(listener, "POST /callback HTTP/1.1", "Content-Length: 3", body=b"a=\xff")

    assert taken == ["?error=access_denied", "#a=�"]
    assert "&lt;Thank you&gt;" in page
    assert "location.hash" in relay
    assert text.endswith("<Thank you>")
    assert "text/plain" in text
    for answer in (page, relay, text):
        assert "Cache-Control: no-store" in answer
        assert "Referrer-Policy: no-referrer" in answer


def test_who_hangs_up_or_says_nothing_hinders_nobody(
    listener: Listener, taken: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with _connected(listener):  # as browsers do, for a request that may never come
        for half in (b"GET /callback?co", b"POST /callback HTTP/1.1\r\nContent-Length: 9\r\n\r\na"):
            with _connected(listener) as connection:
                connection.sendall(half)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        assert "Thank you" in _ask(listener, "GET /callback?code=a HTTP/1.1")

    assert taken[-1] == "?code=a"
    assert capfd.readouterr().err == ""
