"""A connection that breaks while it sends."""

from __future__ import annotations

import httpx


class Breaking(httpx.AsyncBaseTransport):
    """Its frames know what is sent, as those of the real one do."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers, body = list(request.headers.raw), request.content
        raise httpx.WriteError(f"broke in {len(headers)} headers and {len(body)} bytes")
