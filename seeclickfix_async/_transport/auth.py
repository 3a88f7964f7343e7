"""The hook in the HTTP library's auth flow that adds the credential to a request."""

from __future__ import annotations

from seeclickfix_async._transport.httpx_compat import HTTPRequest
from seeclickfix_async._transport.request import Exchange


class OriginBoundAuth:
    """Adds an exchange's credential to its request, to the API's own origin and no other.

    A callable is a complete auth flow for httpx and httpx2 alike, whose own auth classes differ.
    """

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request, signed if the exchange's URL is the API's own."""
        credential = self._exchange.credential
        if self._exchange.is_own and credential is not None:
            request.headers["Authorization"] = credential.header()
        return request
