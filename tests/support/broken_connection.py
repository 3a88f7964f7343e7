"""An HTTP transport whose connection breaks while a request is sent."""

from __future__ import annotations

import httpx


class BrokenTransport(httpx.AsyncBaseTransport):
    """Raises `WriteError`, from a frame whose variables contain the headers and the body.

    The frames of a real transport contain them, too: no traceback may show a secret of them.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers, body = list(request.headers.raw), request.content
        raise httpx.WriteError(f"broke in {len(headers)} headers and {len(body)} bytes")
