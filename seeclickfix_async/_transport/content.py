"""The content of a response, read and decompressed within bounds.

The HTTP library would decompress a chunk as a whole, and several codings on top of each other: a
response of 300 bytes can then fill the memory.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import cast

import anyio

from seeclickfix_async._core import validation
from seeclickfix_async._core.response import is_success
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.exceptions import undecodable_error
from seeclickfix_async._transport.httpx_compat import HTTPResponse
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import AnswerLostError, ResponseTooLargeError

MAX_BYTES = 64 * 2**20
"""The largest content that is read, compressed or not: a page of 1,000 issues is about 2.5 MB."""

_MAX_ERROR_BYTES = 2**20

ACCEPTED_CODING = "gzip"
"""The value of Accept-Encoding."""

# Servers also compress without a request, and gzip has an older name (RFC 9110 §8.4.1).
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_NO_CODING = frozenset({"", "identity"})
_STEP = 2**16
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


async def read_content(
    response: HTTPResponse, headers: Mapping[str, str], exchange: Exchange
) -> bytes:
    """Read the content of a response, into the request's writer if it has one.

    The content of a refusal is empty if it cannot be read, or is larger than a megabyte: its status
    says enough.

    Raises:
        AnswerLostError: The content cannot be decompressed.
        ResponseTooLargeError: It is larger than `MAX_BYTES`.
    """
    if response.is_closed and not response.is_stream_consumed:
        return b""  # a hook of the caller's client has refused it by its status
    if is_success(response.status_code):
        return await _read(response, headers, exchange, exchange.request.into, MAX_BYTES)
    try:
        return await _read(response, headers, exchange, None, _MAX_ERROR_BYTES)
    except (AnswerLostError, ResponseTooLargeError):
        return b""


async def _read(
    response: HTTPResponse,
    headers: Mapping[str, str],
    exchange: Exchange,
    into: BodyWriter | None,
    limit: int,
) -> bytes:
    if into is not None:
        await into.begin()
    inflater = _inflater(headers.get("content-encoding"), exchange)
    announced = validation.parse_identifier(headers.get("content-length", ""))
    if exchange.request.method != "HEAD":
        _check_size(announced or 0, limit, exchange)
    chunks = aiter(response.stream)
    if response.is_stream_consumed:  # by a hook of the caller's client, so it is decompressed
        chunks, inflater = response.aiter_bytes(), None
    buffer = io.BytesIO()  # unlike a list of chunks, it is not copied at the end
    received = size = 0
    try:
        async with aclosing(cast("AsyncGenerator[bytes]", chunks)):
            async for chunk in chunks:
                received += len(chunk)
                _check_size(received, limit, exchange)
                for piece in (chunk,) if inflater is None else inflater.inflate(chunk):
                    size += len(piece)
                    _check_size(size, limit, exchange)
                    if into is None:
                        buffer.write(piece)
                        continue
                    # Cancelled here, the generators of httpx would be left to garbage collection.
                    with anyio.CancelScope(shield=True):
                        await into.write(piece)
    except zlib.error as error:
        raise undecodable_error("its compression is damaged", exchange) from error
    if inflater is not None and received and not inflater.is_complete:
        raise undecodable_error("it ends early", exchange)
    return buffer.getvalue()


def _check_size(size: int, limit: int, exchange: Exchange) -> None:
    if size > limit:
        raise ResponseTooLargeError(limit, route=exchange.request.route)


def _inflater(header: str | None, exchange: Exchange) -> _Inflater | None:
    """Return the decoder of a content coding, or None without one.

    Several codings are refused: a small response could hold a huge one.
    """
    if header is None:
        return None
    codings = [coding.strip() for coding in header.lower().split(",")]
    codings = [coding for coding in codings if coding not in _NO_CODING]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _CODINGS:
        raise undecodable_error("it has a coding that was not requested", exchange)
    return _Inflater()


class _Inflater:
    """A decoder of gzip and zlib, in steps of bounded size.

    Attributes:
        is_complete: Whether the input ends with a complete member; gzip allows several.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self._is_padding = False
        self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed data in pieces.

        Raises:
            zlib.error: The data is damaged.
        """
        view = memoryview(data)
        for start in range(0, len(data), _STEP):  # the decoder copies what it has not yet used
            yield from self._inflate(view[start : start + _STEP])

    def _inflate(self, rest: bytes | memoryview) -> Iterator[bytes]:
        piece = b""
        while (rest or len(piece) == _STEP) and not self._is_padding:
            try:
                piece = self._decoder.decompress(rest, _STEP)
            except zlib.error:
                if not self.is_complete:
                    raise
                self._is_padding = True  # other clients skip it, too
                return
            if piece:
                self.is_complete = False
                yield piece
            if self._decoder.eof:
                self.is_complete = True
                rest = self._decoder.unused_data
                self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
            else:
                rest = self._decoder.unconsumed_tail
