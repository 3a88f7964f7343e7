"""A client of the HTTP library, which sends a request and reads its response."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import anyio

from seeclickfix_async._core.response import Response
from seeclickfix_async._core.secret import Secret, strip_traceback
from seeclickfix_async._transport import httpx_compat
from seeclickfix_async._transport.auth import OriginBoundAuth
from seeclickfix_async._transport.content import read_content
from seeclickfix_async._transport.exceptions import (
    invalid_redirect_error,
    proxy_authentication_error,
    total_timeout_error,
    translate_exception,
)
from seeclickfix_async._transport.httpx_compat import HTTPClient, HTTPRequest
from seeclickfix_async._transport.library_logs import in_own_client
from seeclickfix_async._transport.multipart import MultipartForm, OpenMultipartForm
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import ConnectionFailedError, SeeClickFixError

_PARSING_REDIRECT = "_build_redirect_request"  # a method of the library's client
_CONNECTING = "connection.connect_tcp.started"
_SENDING = "send_request_headers.started"  # of HTTP/1.1 and HTTP/2


class PooledClient:
    """A client of httpx, or of httpx2 when one was handed in.

    Args:
        http: The client.
        headers: Headers of every request that the client does not send by itself.
        is_default: Whether it is an `httpx_compat.default_client`: it keeps no cookies, has no
            hooks, and its transport reports what it does through the extension `trace`. Whether
            other clients report is learned from their first report.

    Attributes:
        broken: Whether a task was cancelled in it, which leaves it in an unknown state.
    """

    def __init__(
        self, http: HTTPClient, headers: Mapping[str, str], *, is_default: bool = False
    ) -> None:
        self._http = http
        self._library = httpx_compat.client_library(http)
        self._headers = headers
        # Building a request from the client's defaults costs a tenth of sending it. Unless a
        # subclass builds its own, only headers have to be merged, and they rarely change.
        build = getattr(http.build_request, "__func__", None)
        self._builds_as_usual = build is self._library.AsyncClient.build_request
        self._merged_from: list[tuple[bytes, bytes]] | None = None
        self._merged: Any = None
        self._is_default = is_default
        self._reports = is_default
        self.broken: bool = False

    async def aclose(self) -> None:
        """Close the client."""
        await self._http.aclose()

    async def send(self, exchange: Exchange) -> Response:
        """Send the request to the exchange's URL, and read the response in the seconds left.

        Raises:
            TransportError: No complete response was received.
        """
        request = exchange.request  # no local for its content: error trackers show locals
        with anyio.move_on_after(exchange.seconds_left) as scope:
            exchange.deadline = scope.deadline
            in_own_client.set(self._is_default)
            try:
                if isinstance(request.content, MultipartForm):
                    async with request.content.open() as form:
                        headers = {**exchange.headers, **form.headers}
                        return await self._send(exchange, headers, form)
                return await self._send(exchange, exchange.headers, request.content)
            except BaseException as error:
                self.broken = not isinstance(error, Exception)
                strip_traceback(error)
                translated = translate_exception(self._library, error, exchange)
                self._note_unsent(exchange, translated)
                if translated is None:
                    raise
                raise translated from error
            finally:
                in_own_client.set(False)
        raise total_timeout_error(exchange)

    async def _send(
        self,
        exchange: Exchange,
        headers: dict[str, str],
        body: bytes | OpenMultipartForm | None,
    ) -> Response:
        request = self._build(exchange, headers, body)
        auth: dict[str, Any] = {}  # the caller's client may have an auth of its own
        if not exchange.is_own:
            request.headers.pop("Authorization", None)
            auth = {"auth": None}
        elif exchange.credential is not None:
            auth = {"auth": OriginBoundAuth(exchange)}
        exchange.was_sent = None
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False, **auth)
        except self._library.HTTPStatusError as error:  # of a hook of the caller's client
            response = error.response  # type: ignore[attr-defined]
        except (ValueError, self._library.RequestError) as error:
            if not _is_of_redirect(error):
                raise
            raise invalid_redirect_error(exchange) from None
        exchange.callers_secrets += self._callers_secrets(exchange, request)
        headers = exchange.response_headers = _decode_headers(response.headers.raw)
        try:
            if response.status_code == 407:
                raise proxy_authentication_error(exchange)
            content = await read_content(response, headers, exchange)
            await response.aclose()
        finally:
            if not response.is_closed:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        return Response(
            response.status_code,
            headers,
            content,
            exchange.url,
            exchange.request.route,
            exchange.requests,
            is_foreign=not exchange.is_own,
            secrets=exchange.secrets,
        )

    def _build(
        self,
        exchange: Exchange,
        headers: dict[str, str],
        body: bytes | OpenMultipartForm | None,
    ) -> HTTPRequest:
        seconds = exchange.options.timeout
        write = None if body is None else seconds  # headers alone always fit into the socket
        build: Callable[..., HTTPRequest] = self._library.Request
        content: dict[str, Any] = {"content": body}
        merged: Any
        if exchange.is_own and self._builds_as_usual and not self._http.params:
            merged = self._merge_headers(exchange.url, headers)
            if exchange.request.is_safe and body is None:
                # With a stream, the library does not look for headers that are missing.
                content = {"stream": self._library.ByteStream(b"")}
        else:
            merged = {**self._headers, **headers}
            # The defaults of the caller's client are for the API: headers, parameters and cookies.
            if self._is_default or exchange.is_own:
                build = self._http.build_request
        request = build(
            exchange.request.method,
            exchange.url,
            headers=merged,
            **content,
            extensions={
                "timeout": {"connect": seconds, "read": seconds, "write": write, "pool": None},
                "trace": self._trace(exchange),
            },
        )
        if build != self._library.Request:
            request.headers.pop("cookie", None)
        if body is None:
            request.read()  # for a hook of the caller's client that looks at the content
        return request

    def _merge_headers(self, url: str, headers: dict[str, str]) -> Any:
        """Return all headers of a request to the API, in the library's class.

        Without cookies: they would carry one user's session into another's requests.
        """
        # Those of our own client never change.
        current = self._merged_from if self._is_default else self._http.headers.raw
        if self._merged is None or current != self._merged_from:
            self._merged_from = current
            self._merged = self._library.Headers({"Host": self._library.URL(url).netloc.decode()})
            self._merged.update(self._http.headers)
            self._merged.update(self._headers)
            self._merged.pop("cookie", None)
        if not headers:
            return self._merged  # the request copies it
        merged = self._library.Headers(self._merged)
        merged.update(headers)
        return merged

    def _trace(self, exchange: Exchange) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
        """Return a callback for the steps of the library's transport (extension `trace`)."""

        async def trace(step: str, info: dict[str, Any]) -> None:
            self._reports = True
            if step == _CONNECTING:
                exchange.peer = info["host"], info["port"]
            # A CONNECT opens a tunnel through the proxy, and contains nothing of the request.
            if step.endswith(_SENDING) and info["request"].method != b"CONNECT":
                exchange.was_sent = True
                info["request"].extensions.pop("trace", None)  # further calls would cost time

        return trace

    def _callers_secrets(self, exchange: Exchange, request: HTTPRequest) -> tuple[Secret, ...]:
        """Return the secret of a header that the caller, or the caller's HTTP client, has added."""
        if self._is_default and not exchange.request.headers:
            return ()
        is_signed = exchange.is_own and exchange.credential is not None
        if is_signed and not self._http.event_hooks["request"]:
            return ()  # it is the exchange's credential
        value = request.headers.get("Authorization", "")
        return (Secret(value.rpartition(" ")[2]),) if value else ()

    def _note_unsent(self, exchange: Exchange, error: SeeClickFixError | None) -> None:
        """After a failure, note on the exchange if it is certain that no byte was sent."""
        if isinstance(error, ConnectionFailedError) or (
            exchange.was_sent is None and self._reports
        ):
            exchange.was_sent = False


def _decode_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Decode the headers of a response: names in lower case, values of one name joined.

    The library's own mapping decodes all of them three times. Source: RFC 9110 §5.3.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("utf-8", "backslashreplace").lower()
        value = raw_value.decode("utf-8", "backslashreplace")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _is_of_redirect(error: Exception) -> bool:
    """Check whether the library failed on the URL of a redirect.

    It parses the URL even if it does not follow redirects. httpx calls that a broken connection,
    and both libraries let some errors of Python pass.
    """
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_name == _PARSING_REDIRECT for frame, _ in frames)
