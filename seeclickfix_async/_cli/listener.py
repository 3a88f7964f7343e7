"""Where the browser comes back to, on this machine (RFC 8252 §7.3)."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from seeclickfix_async.errors import InvalidArgumentError

PATH: Final = "/callback"
_LONGEST = 16_384
_SIZE = re.compile("[0-9]{1,9}")
_ANSWERS = ("code=", "error=")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; connect-src 'self'",
    "Connection": "close",
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">{script}
<meta name="viewport" content="width=device-width, initial-scale=1"><title>scf login</title>
<style>:root{{color-scheme:light dark}}body{{font:1.2rem system-ui;max-width:30rem;margin:4rem auto;
padding:0 1rem}}</style><p id="said">{words}</p></html>"""
# The implicit flow's answer stands behind the # sign, which only a script sees. It is taken out of
# the address bar and the history before anything else happens.
_RELAY = """<script>const answer = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
addEventListener("DOMContentLoaded", async () => {
  const response = await fetch(location.pathname, {method: "POST", body: answer});
  document.getElementById("said").textContent = await response.text();
});</script>"""

Take = Callable[[str], str]
"""Takes an answer, and gives the words for the person."""


class Listener(ThreadingHTTPServer):
    """Hands what comes to `take`, which is to be set once the address is known."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.take: Take = lambda _answer: "Nobody waits for this."

    @property
    def address(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hung up; whatever else fails is told as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Any  # a Listener
    timeout = 30  # seconds: browsers open connections that they do not use

    def do_GET(self) -> None:
        """The browser comes back: with the answer in its query, or behind the # sign."""
        address = self._address()
        if address.path != PATH:
            self.send_error(404)
        elif any(sign in address.query for sign in _ANSWERS):
            self._show(escape(self.server.take(f"?{address.query}")))
        else:
            self._show("Signing in …", _RELAY)

    def do_POST(self) -> None:
        """The page's script hands on what stood behind the # sign."""
        size = self.headers.get("Content-Length", "")
        if self._address().path != PATH or not _SIZE.fullmatch(size) or int(size) > _LONGEST:
            self.send_error(404)
            return
        answer = self.rfile.read(int(size)).decode("utf-8", "replace")
        self._send(self.server.take(f"#{answer}"), "text/plain")

    def _show(self, words: str, script: str = "") -> None:
        self._send(_PAGE.format(words=words, script=script))

    def _address(self) -> SplitResult:
        try:
            return urlsplit(self.path)
        except ValueError:
            return urlsplit("")

    def _send(self, text: str, kind: str = "text/html") -> None:
        body = text.encode()
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        self.send_response(200)
        for name, value in {**headers, **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: an address may hold a code."""


@contextmanager
def listening(port: int) -> Generator[Listener]:
    """Listen while the context lasts; port 0 takes a free one.

    Raises:
        InvalidArgumentError: The port cannot be had.
    """
    try:
        listener = Listener(port)
    except (OSError, OverflowError) as error:
        raise InvalidArgumentError("port", f"cannot be used: {error}.") from None
    with listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()
