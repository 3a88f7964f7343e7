"""One client of the HTTP library, on which a request goes out and its answer comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio

from seeclickfix_async._core.credentials import Credential, Origin
from seeclickfix_async._core.secret import strip_traceback
from seeclickfix_async._transport import httpx_compat
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.exceptions import total_timeout_error, translate_exception
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.multipart import MultipartForm
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import ConnectionFailedError, ResponseTooLargeError, SeeClickFixError

MOST_BYTES = 64 * 2**20
"""The largest answer that is read: a page of 1,000 issues is about 2.5 MB."""

_SENDING = "send_request_headers.started"  # of HTTP/1.1 and HTTP/2

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers with names in lower case, and body."""


class PooledClient:
    """A client of httpx, or of httpx2 when one was handed in.

    Args:
        http: The client.
        origin: Where the credential may go.
        headers: What is sent with each request and not by the client itself.
        ours: Whether it is a `library.default_client`: it keeps no cookies, has no hooks, and its
            transport reports what it does through the extension `trace`. Of other clients the
            latter is learned from the first report.

    Attributes:
        broken: Whether a task was cancelled here: nobody knows what state it left.
    """

    def __init__(
        self,
        http: HTTPClient,
        origin: Origin,
        headers: Mapping[str, str],
        *,
        ours: bool = False,
    ) -> None:
        self._http: Any = http
        self._family = httpx_compat.client_library(http)
        self._origin = origin
        self._headers = headers
        self._ours = ours
        self._reports = ours
        self.broken: bool = False

    async def aclose(self) -> None:
        """Close the client."""
        await self._http.aclose()

    async def send(
        self, exchange: Exchange, url: str, headers: Mapping[str, str], *, own: bool
    ) -> Answer:
        """Send a exchange's request to a URL, and read what comes back, within its total_timeout.

        Args:
            exchange: The request, and who signs it.
            url: Where it goes this time.
            headers: Its headers.
            own: Whether that is the API; the credential goes nowhere else.

        Raises:
            TransportError: No whole answer came.
        """
        with anyio.move_on_after(exchange.options.total_timeout):
            try:
                return await self._sent(exchange, url, headers, own=own)
            except BaseException as error:
                self.broken = not isinstance(error, Exception)
                strip_traceback(error)
                ours = translate_exception(self._family, error, url, exchange.request.route)
                self._settle(exchange, ours)
                if ours is None:
                    raise
                raise ours from error
        raise total_timeout_error(exchange, url)

    def _sent(
        self, exchange: Exchange, url: str, headers: Mapping[str, str], *, own: bool
    ) -> Awaitable[Answer]:
        content = exchange.request.content
        send = self._send_form if isinstance(content, MultipartForm) else self._send
        return send(exchange, url, headers, content, own=own)

    async def _send_form(
        self, exchange: Exchange, url: str, headers: Mapping[str, str], form: Any, *, own: bool
    ) -> Answer:
        async with form.open() as opened:
            more = {**headers, **opened.headers}
            return await self._send(exchange, url, more, opened, own=own)

    async def _send(
        self, exchange: Exchange, url: str, headers: Mapping[str, str], body: Any, *, own: bool
    ) -> Answer:
        request, seconds = exchange.request, exchange.options.timeout
        outgoing = self._http.build_request(
            request.method,
            url,
            headers={**self._headers, **headers},
            content=body,
            extensions={
                "timeout": {"connect": seconds, "read": seconds, "write": seconds, "pool": None},
                "trace": self._trace(exchange),
            },
        )
        # Cookies would carry one user's session into another's requests.
        if not self._ours and "cookie" in outgoing.headers:
            del outgoing.headers["cookie"]
        auth = self._auth(outgoing, exchange.credential, own=own)
        exchange.has_left = None
        answer = await self._http.send(outgoing, stream=True, follow_redirects=False, **auth)
        said = dict(answer.headers.items())
        try:
            # Raw bytes cost less, but a hook of the caller's client may have read them already.
            as_sent = self._ours and "content-encoding" not in said
            chunks = answer.aiter_raw() if as_sent else answer.aiter_bytes()
            into = request.into if answer.is_success else None
            content = await _read(chunks, said.get("content-length", ""), into, request.route)
        finally:
            if not answer.is_closed:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
        return answer.status_code, said, content

    def _trace(self, exchange: Exchange) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
        """Make what the transport calls before and after each step (httpx's extension `trace`)."""

        async def trace(step: str, info: dict[str, Any]) -> None:
            self._reports = True
            # A CONNECT asks the proxy for a tunnel and carries nothing of the request.
            if step.endswith(_SENDING) and info["request"].method != b"CONNECT":
                exchange.has_left = True
                info["request"].extensions.pop("trace", None)  # every report costs time

        return trace

    def _settle(self, exchange: Exchange, error: SeeClickFixError | None) -> None:
        """After a failure, find out whether a byte was sent, if that is certain."""
        if isinstance(error, ConnectionFailedError) or (
            exchange.has_left is None and self._reports
        ):
            exchange.has_left = False

    def _auth(self, outgoing: Any, credential: Credential | None, *, own: bool) -> dict[str, Any]:
        if not own:
            outgoing.headers.pop("Authorization", None)  # a default header of the caller's client
            return {"auth": None}
        if credential is None:
            return {}  # the caller's client may have an auth of its own
        return {"auth": httpx_compat.auth_class(self._family)(credential, self._origin)}


async def _read(
    chunks: AsyncGenerator[bytes], announced: str, into: BodyWriter | None, route: str
) -> bytes:
    received: list[bytes] = []
    size = 0
    if into is not None:
        await into.begin()
    if announced.isdigit() and int(announced) > MOST_BYTES:
        size = int(announced)
    else:
        async with aclosing(chunks):
            async for chunk in chunks:
                if into is None:
                    received.append(chunk)
                else:
                    # Cancelled here, the generators of httpx would be left to garbage collection.
                    with anyio.CancelScope(shield=True):
                        await into.take(chunk)
                size += len(chunk)
                if size > MOST_BYTES:
                    break
    if size > MOST_BYTES:
        raise ResponseTooLargeError(MOST_BYTES, route=route)
    return b"".join(received)
