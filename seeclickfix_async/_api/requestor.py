"""The API's calls: from a route and its arguments to a request, from an answer to models."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import attrs
from anyio import to_thread

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api import decoding
from seeclickfix_async._api.pagination import Identified, Page, require_readable
from seeclickfix_async._api.query import encode
from seeclickfix_async._core import image, validation
from seeclickfix_async._core.credentials import api_url, header_text
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.multipart import Attachment, MultipartForm
from seeclickfix_async._transport.request import Request, RequestOptions
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.status_errors import in_body
from seeclickfix_async._transport.transport import Transport, astray
from seeclickfix_async.errors import AnswerLostError, DecodeError, InvalidArgumentError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Moderated

T = TypeVar("T")
RowT = TypeVar("RowT", bound=Identified)

_logger = logging.getLogger("seeclickfix_async")

_ROOT = api_url("")
_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")
_METHOD = re.compile(r"[A-Z]{3,10}")
_NO_PICTURES = ("text/", "application/json")
_NUMBERS = re.compile(r"(?<=/)\d+")


@attrs.frozen
class Requestor:
    """What every resource calls: one wire, one site, and the options of one view.

    `root` is the path that routes are under; Open311 has another one.
    """

    wire: Transport
    site: str
    options: RequestOptions
    root: str = _ROOT

    @property
    def signed_in(self) -> bool:
        """Whether requests carry a credential; the caller's own HTTP client may well add one."""
        return self.options.credential is not None or self.wire.is_given

    async def get(
        self, route: str, *, params: Iterable[tuple[str, str]] = (), **path: int | str
    ) -> Response:
        """Call a route such as `/issues/{id}` with its path's arguments."""
        query = encode(params)
        url = self._url(route, path) + (f"?{query}" if query else "")
        return await self.wire.send(Request("GET", url, f"GET {route}"), self.options)

    async def write(
        self,
        method: str,
        route: str,
        body: Mapping[str, Any] | None = None,
        *,
        attachment: Attachment | None = None,
        as_form: bool = False,
        **path: int | str,
    ) -> Response:
        """Call a route that changes something: JSON, or a form when a photo goes with it."""
        content: bytes | MultipartForm | None = None
        headers: dict[str, str] = {}
        if attachment is not None:
            await to_thread.run_sync(image.check, attachment.image)
            content = MultipartForm(tuple(bodies.form_fields(body or {})), attachment)
        elif as_form:
            content = encode(bodies.form_fields(body or {})).encode()
            headers = {"Content-Type": bodies.FORM}
        elif body is not None:
            content, headers = bodies.encode_json(body), {"Content-Type": bodies.JSON}
        request = Request(method, self._url(route, path), f"{method} {route}", headers, content)
        return self._done(await self.wire.send(request, self.options))

    async def get_object(
        self,
        model: type[T],
        route: str,
        *,
        params: Iterable[tuple[str, str]] = (),
        **path: int | str,
    ) -> T:
        """Call a route whose answer is one object."""
        return self.read(await self.get(route, params=params, **path), model)

    async def get_first(self, model: type[T], route: str, **path: int | str) -> T:
        """Call a route whose answer is a list of one object, or the object itself."""
        return self.read(await self.get(route, params=(), **path), model, first=True)

    def read(self, response: Response, model: type[T], *, first: bool = False) -> T:
        """The object that an answer holds, or the first one of a list."""
        self._refuse_listed(response)
        decode = decoding.decode_first if first else decoding.decode_object
        return self._decode(lambda: decode(response, model), response)

    def written(self, response: Response, model: type[T]) -> T | Moderated:
        """What a write made; or that it is held back: 202 and no object (documented).

        Raises:
            AnswerLostError: It was made, but the answer cannot be read: to ask for the answer
                again would make another one.
        """
        return Moderated() if response.status == 202 else self.made(response, model)

    def made(self, response: Response, model: type[T], *, first: bool = False) -> T:
        """What a write made, where nothing is held back.

        Raises:
            AnswerLostError: As for `written()`.
        """
        try:
            return self.read(response, model, first=first)
        except DecodeError as error:
            raise _unread(response, error) from error

    async def get_page(
        self,
        model: type[RowT],
        key: str,
        route: str,
        *,
        number: int = 1,
        params: Iterable[tuple[str, str]] = (),
        **path: int | str,
    ) -> Page[RowT]:
        """Call a route whose answer is a collection."""
        return self.page(await self.get(route, params=params, **path), model, key, number)

    async def get_items(
        self,
        model: type[RowT],
        key: str,
        route: str,
        *,
        params: Iterable[tuple[str, str]] = (),
        **path: int | str,
    ) -> tuple[RowT, ...]:
        """Call a route whose answer is a collection without pages.

        Raises:
            DecodeError: It has rows, and none of them can be read.
        """
        response = await self.get(route, params=params, **path)
        return require_readable(self.page(response, model, key)).items

    def page(self, response: Response, model: type[RowT], key: str, number: int = 1) -> Page[RowT]:
        """The page that an answer holds."""
        rows = self._decode(lambda: decoding.decode_rows(response, key, model), response)
        _refuse_errors(response, rows.errors)
        if rows.rejected:
            _logger.warning(
                "%s: %s cannot be read, the first at %s",
                response.route,
                counted(len(rows.rejected), "row"),
                rows.rejected[0].path,
            )
        return Page.of(rows, number, key, response)

    async def download(self, url: str, into: BodyWriter) -> None:
        """Fetch what is no JSON: a picture, from wherever redirects lead to, without the token."""
        route = "GET a photo"
        request = Request("GET", url, route, {"Accept": "image/*"}, into=into)
        response = await self.wire.send(request, self.options)
        kind = response.headers.get("content-type", "").lower()
        if kind.startswith(_NO_PICTURES):
            raise DecodeError("It is no picture.", route=route)

    async def follow(self, method: str, url: str, under: str, body: Any) -> Response:
        """Write to a link that the service gave, on our own site and under one of its paths."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if not path.startswith(_ROOT + under):
            raise InvalidArgumentError("url", f"must be a link to {_ROOT}{under}...")
        return self._done(await self.request(method, path, json=body))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | bool] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Call anything, known or not; see `AsyncClient.request`."""
        if not isinstance(method, str) or not _METHOD.fullmatch(method):
            raise InvalidArgumentError("method", "must be a method such as GET, in capitals.")
        url = self._locate(path)
        if params:
            given = [(name, _written(value)) for name, value in params.items()]
            url += ("&" if "?" in url else "?") + encode(given)
        more = {
            header_text("headers", name): header_text("headers", value, spaces=True)
            for name, value in (headers or {}).items()
            if str(name).lower() != "cookie"  # cookies are never sent
        }
        content = None
        if json is not None:
            content = bodies.encode_json(json)
            more["Content-Type"] = bodies.JSON
        route = f"{method} {_NUMBERS.sub('{id}', urlsplit(url).path)}"
        return await self.wire.send(Request(method, url, route, more, content), self.options)

    def _url(self, route: str, path: Mapping[str, int | str]) -> str:
        for name, value in path.items():
            if value in (".", ".."):
                raise InvalidArgumentError(name, "must not be . or .. alone.")
        parts = {
            name: value if isinstance(value, int) else quote(value, safe="")
            for name, value in path.items()
        }
        return self.site + self.root + route.format(**parts)

    def _locate(self, path: str) -> str:
        """An absolute URL of http or https as it is; a path under the API's root."""
        if not isinstance(path, str) or not path.isprintable() or " " in path:
            raise InvalidArgumentError("path", "must be a path or a URL without spaces.")
        absolute = path.startswith(("https://", "http://"))
        if absolute and not validation.is_http_url(path):
            raise InvalidArgumentError("path", "is no address that can be asked.")
        if _DOTS.search(urlsplit(path).path):
            raise InvalidArgumentError("path", "must not hold . or .. as a segment.")
        if absolute:
            return path
        if "://" in path or path.startswith("//"):
            raise InvalidArgumentError("path", "must be a path such as /issues, or an http URL.")
        return self.site + _ROOT + "/" + path.removeprefix(_ROOT).lstrip("/")

    def _done(self, response: Response) -> Response:
        """The answer to a write; a page that some proxy put in its place is none."""
        try:
            if response.content:
                response.json()
            self._refuse_listed(response)
        except DecodeError as error:
            raise _unread(response, error) from error
        return response

    def _refuse_listed(self, response: Response) -> None:
        if b'"errors"' in response.content:
            body = self._decode(response.json, response)
            _refuse_errors(response, body.get("errors") if isinstance(body, dict) else None)

    def _decode(self, decode: Callable[[], T], response: Response) -> T:
        """What cannot be read and came from elsewhere is no answer of the API."""
        try:
            return decode()
        except DecodeError as error:
            if self.wire.is_foreign(response):
                raise astray(response.route, response.url) from error
            raise


def _refuse_errors(response: Response, errors: Any) -> None:
    """A success that lists errors is none (observed: `{}` when all is well)."""
    if errors:
        raise in_body(response, {"errors": errors})


def _unread(response: Response, error: DecodeError) -> AnswerLostError:
    """For a write that succeeded and whose answer is no use: asking again would write again."""
    return AnswerLostError(
        f"The answer says success and cannot be read at {error.path!r}, so the service may well "
        "have carried it out.",
        advice="Read before you write again.",
        route=response.route,
    )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
