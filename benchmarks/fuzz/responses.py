"""Parsers of responses: a status, headers and a body, written as in HTTP."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import attrs
import httpx

from seeclickfix_async import AsyncClient, Page, Retry, models
from seeclickfix_async._api import reading
from seeclickfix_async._api.decoding import decode_first, decode_object, decode_plain
from seeclickfix_async._api.unverified import read_unverified_page
from seeclickfix_async._core import backoff
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.validation import parse_identifier
from seeclickfix_async._tables.columns import plain_rows
from seeclickfix_async._transport import content as contents
from seeclickfix_async._transport.request import Exchange, Request, RequestOptions
from seeclickfix_async._transport.status_errors import status_error
from seeclickfix_async._watch.changes import find_changes
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.models._returned import Returned

SITE = "https://city.example"
LOOP = asyncio.Runner()
atexit.register(LOOP.close)

_MODELS: tuple[Any, ...] = tuple(
    cls
    for cls in vars(models).values()
    if attrs.has(cls) and cls not in (models.Draft, models.Notice, models.BulletinBoard)
)
_KEYS: dict[str, Any] = {
    "issues": models.DetailedIssue,
    "comments": models.Comment,
    "places": models.Place,
    "": models.ServiceRequest,
}
_ROUTE = "GET /issues"
_STATUSES = range(100, 600)

_Call = Callable[[AsyncClient], Awaitable[object]]


def parse_message(content: bytes) -> Response:
    """Return the response of a status, lines of headers, an empty line and a body."""
    head, _, body = content.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    number = parse_identifier(status) or 200
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Response(number if number in _STATUSES else 200, headers, body, SITE, _ROUTE)


def read_object(content: bytes) -> None:
    """Read an object of the model that the first byte selects."""
    model = _MODELS[content[0] % len(_MODELS)] if content else models.Issue
    response = Response(200, {}, content[1:])
    for is_first in (False, True):
        with suppress(SeeClickFixError):
            if issubclass(model, Returned):
                read = reading.read_object(response, model, first=is_first)
            else:  # a part of other objects
                read = (decode_first if is_first else decode_object)(response, model)
            assert isinstance(repr(read), str)


def read_model(content: bytes) -> None:
    """Read stored JSON of the model that the first byte selects, and write it again."""
    model = _MODELS[content[0] % len(_MODELS)] if content else models.Issue
    value = model.from_json(content[1:])
    assert model.from_json(value.to_json()) == value
    assert isinstance(value._repr_html_(), str)


def read_page(content: bytes) -> None:
    """Read a page of each kind of row, and use its rows as a pull and a feed do."""
    response = Response(200, {}, content)
    with suppress(SeeClickFixError):
        unverified = read_unverified_page(response, models.Notice, "notices")
        assert len(unverified.raw) == len(unverified)
    for key, model in _KEYS.items():
        with suppress(SeeClickFixError):
            page: Page[Any] = reading.read_page(response, model, key)
            decode_plain(response, key, {row.index for row in page.rejected})
            if key == "issues":
                assert len(list(plain_rows(page.items))) == len(page.items)
                assert all(find_changes(issue) is not None for issue in page.items)


def read_written(content: bytes) -> None:
    """Read the response to a write."""
    response = reading.check_written(parse_message(content))
    reading.read_written_or_moderated(response, models.DetailedIssue)


def read_refusal(content: bytes) -> None:
    """Return the error for a status, whose body and headers are the service's."""
    response = parse_message(content)
    error = status_error(response)
    assert (error is None) == (200 <= response.status < 300 or response.status == 304)
    assert len(str(error)) < 3_000


def parse_headers(content: bytes) -> None:
    """Parse Retry-After and Date."""
    value = content.decode("latin-1")
    seconds = backoff.parse_retry_after(value)
    assert seconds is None or 0 <= seconds <= backoff.MAX_RETRY_AFTER
    date = backoff.parse_http_date(value)
    assert date is None or date.utcoffset() is not None


class _Stream(httpx.AsyncByteStream):
    """A body that is received in two parts."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        middle = len(self._content) // 2
        yield self._content[:middle]
        yield self._content[middle:]


def read_compressed(content: bytes) -> None:
    """Decompress a body, within its bound."""
    message = parse_message(content)
    received = httpx.Response(message.status, stream=_Stream(message.content))
    exchange = Exchange(Request("GET", SITE, _ROUTE), RequestOptions())
    reader = contents.read_content(received, message.headers, exchange)
    assert len(LOOP.run(reader)) <= contents.MAX_BYTES


def exchange(content: bytes) -> None:
    """Request a listing; the responses follow each other, with a line `--` between them."""
    messages = [parse_message(part) for part in content.split(b"\n--\n")]

    def respond(request: httpx.Request) -> httpx.Response:
        message = messages.pop(0) if len(messages) > 1 else messages[0]
        pairs = message.headers.items()
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        stream = _Stream(message.content)
        return httpx.Response(message.status, headers=headers, stream=stream, request=request)

    _run(respond, lambda client: client.issues.list().collect(20))


def check_link(content: bytes) -> None:
    """Use a link of a response: to a photo, to a page of the API, and of a redirect."""
    link = content.decode("utf-8", "surrogateescape")

    def respond(request: httpx.Request) -> httpx.Response:
        is_redirected = request.url.path == "/api/v2/issues"
        headers = [(b"location", content)] if is_redirected else []
        return httpx.Response(302 if is_redirected else 404, headers=headers, request=request)

    calls: tuple[_Call, ...] = (
        lambda client: client.photos.read(link),
        lambda client: client.request("GET", link),
        lambda client: client.request("GET", "/issues"),
    )
    for call in calls:
        with suppress(SeeClickFixError):
            _run(respond, call)


def _run(respond: Callable[[httpx.Request], httpx.Response], call: _Call) -> None:
    """Call a method of a client whose requests are answered in this process."""

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
            options: dict[str, Any] = {"limiter": None, "retry": Retry(attempts=1)}
            await call(AsyncClient(http=http, base_url=SITE, **options))

    LOOP.run(run())
