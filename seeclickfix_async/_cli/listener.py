"""A web server on this machine that receives the authorization response (RFC 8252 §7.3)."""

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
from seeclickfix_async.oauth._browser_page import CLEAN_ADDRESS, browser_page, relay_script

PATH: Final = "/callback"
_MAX_BYTES = 16_384
_CONTENT_LENGTH = re.compile("[0-9]{1,9}")
_RESPONSE_PARAMETERS = ("code=", "error=")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; connect-src 'self'",
    "Connection": "close",
}
_BODY = '<main><p id="message" role="status">{message}</p></main>'
_POST = """
  const response = await fetch(address, {method: "POST", body: fragment.slice(1)});
  document.getElementById("message").textContent = await response.text();
"""

ResponseHandler = Callable[[str], str]
"""Handles an authorization response, and returns the message for the user."""


class Listener(ThreadingHTTPServer):
    """A server that passes each authorization response to `on_response`.

    Set `on_response` once the address is known.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.on_response: ResponseHandler = lambda _response: "No login is waiting for this."

    @property
    def address(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a broken connection; report all other errors as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Any  # a Listener
    timeout = 30  # seconds: browsers open connections that they do not use

    def do_GET(self) -> None:
        """Handle the redirect: the response is in its query, or in the fragment."""
        address = self._address()
        if address.path != PATH:
            self.send_error(404)
        elif any(parameter in address.query for parameter in _RESPONSE_PARAMETERS):
            self._send_page(escape(self.server.on_response(f"?{address.query}")), CLEAN_ADDRESS)
        else:
            self._send_page("Signing you in…", relay_script(_POST))

    def do_POST(self) -> None:
        """Handle the fragment, which the page's script posts."""
        size = self.headers.get("Content-Length", "")
        is_valid = _CONTENT_LENGTH.fullmatch(size) and int(size) <= _MAX_BYTES
        if self._address().path != PATH or not is_valid:
            self.send_error(404)
            return
        fragment = self.rfile.read(int(size)).decode("utf-8", "replace")
        self._send(self.server.on_response(f"#{fragment}"), "text/plain")

    def _send_page(self, message: str, script: str) -> None:
        self._send(browser_page("scf login", _BODY.format(message=message), script=script))

    def _address(self) -> SplitResult:
        try:
            return urlsplit(self.path)
        except ValueError:
            return urlsplit("")

    def _send(self, content: str, media_type: str = "text/html") -> None:
        body = content.encode()
        length = str(len(body))
        headers = {"Content-Type": f"{media_type}; charset=utf-8", "Content-Length": length}
        self.send_response(200)
        for name, value in {**headers, **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: an address may contain a code."""


@contextmanager
def listening(port: int) -> Generator[Listener]:
    """Run a listener until the context ends; port 0 uses a free one.

    Raises:
        InvalidArgumentError: The port cannot be used.
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
