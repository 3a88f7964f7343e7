"""From a route and its arguments to a request, and to the models of its response."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

import attrs
import msgspec
from anyio import to_thread

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.pagination import Identified, Page, Pager, require_readable
from seeclickfix_async._api.query import encode, format_param, page_params
from seeclickfix_async._api.reading import check_written, read_object, read_page
from seeclickfix_async._core import image, validation
from seeclickfix_async._core.credentials import api_url, header_text
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.multipart import Attachment, MultipartForm
from seeclickfix_async._transport.request import Request, RequestOptions
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async.errors import DecodeError, InvalidArgumentError

T = TypeVar("T")
RowT = TypeVar("RowT", bound=Identified)

_ROOT = api_url("")
_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")
_METHOD = re.compile(r"[A-Z]{3,10}")
_NO_PICTURES = ("text/", "application/json")
_NUMBERS = re.compile(r"(?<=/)\d+")


def _pairs(params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(params)


@attrs.frozen
class CollectionRoute(Generic[RowT]):
    """A route whose response is a list of rows, with its arguments.

    Attributes:
        model: The class of the rows.
        key: The name of the list in the response; empty if the response is the list itself.
        route: Such as `/issues/{id}/comments`.
        params: The query parameters, without the number of the page.
        path: The values of the placeholders in `route`.
    """

    model: type[RowT]
    key: str
    route: str
    params: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_pairs, repr=False)
    path: Mapping[str, int | str] = attrs.field(factory=dict)


@attrs.frozen
class Requestor:
    """Sends the requests of all resources of one view, with its options.

    Attributes:
        transport: The connections, which all views share.
        site: The service's address.
        options: The options of the view.
        root: The path that routes are under; Open311 has another one than the API.
    """

    transport: Transport
    site: str
    options: RequestOptions
    root: str = _ROOT

    @property
    def signed_in(self) -> bool:
        """True if requests carry a credential, or the caller's own HTTP client may add one."""
        return self.options.credential is not None or self.transport.has_callers_client

    async def get(
        self, route: str, *, params: Iterable[tuple[str, str]] = (), **path: int | str
    ) -> Response:
        """Call a route such as `/issues/{id}` with its path's arguments."""
        query = encode(params)
        url = self._url(route, path) + (f"?{query}" if query else "")
        return await self.transport.send(Request("GET", url, f"GET {route}"), self.options)

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
        """Call a route that writes: with JSON, or with a form if there is an attachment.

        Raises:
            AnswerLostError: The response is not JSON, such as the page of a proxy.
            ValidationError: The service refused, or lists errors in a success.
        """
        content: bytes | MultipartForm | None = None
        headers: dict[str, str] = {}
        if attachment is not None:
            await to_thread.run_sync(image.check, attachment.image)
            content = MultipartForm(tuple(bodies.form_fields(body or {})), attachment)
        elif as_form:
            content = encode(bodies.form_fields(body or {})).encode()
            headers = {"Content-Type": bodies.FORM}
        elif body is not None:
            content, headers = msgspec.json.encode(body), {"Content-Type": bodies.JSON}
        request = Request(method, self._url(route, path), f"{method} {route}", headers, content)
        return check_written(await self.transport.send(request, self.options))

    async def get_object(
        self,
        model: type[T],
        route: str,
        *,
        params: Iterable[tuple[str, str]] = (),
        **path: int | str,
    ) -> T:
        """Call a route whose response is one object."""
        return read_object(await self.get(route, params=params, **path), model)

    async def get_items(self, route: CollectionRoute[RowT]) -> tuple[RowT, ...]:
        """Call a route whose response is a collection without pages.

        Raises:
            DecodeError: It has rows, and none of them can be read.
        """
        return require_readable(await self.get_page(route)).items

    def pager(self, route: CollectionRoute[RowT], start: int) -> Pager[RowT]:
        """Return the listing of a collection, from the page of this number."""
        return Pager(functools.partial(self.get_page, route), start)

    async def get_page(self, route: CollectionRoute[RowT], number: int = 1) -> Page[RowT]:
        """Call a route whose response is a page of a collection."""
        response = await self.fetch_page(route, number)
        return read_page(response, route.model, route.key, number)

    async def fetch_page(self, route: CollectionRoute[Any], number: int) -> Response:
        """Send the request for a page, whose response is to be read later with `read_page`."""
        params = [*route.params, *page_params(number)]
        return await self.get(route.route, params=params, **route.path)

    async def download(self, url: str, into: BodyWriter) -> None:
        """Fetch a picture, from any origin that redirects lead to; the token stays at the API's."""
        route = "GET a photo"
        request = Request("GET", url, route, {"Accept": "image/*"}, into=into)
        response = await self.transport.send(request, self.options)
        kind = response.headers.get("content-type", "").lower()
        if kind.startswith(_NO_PICTURES):
            raise DecodeError("It is no picture.", route=route)

    async def follow(self, method: str, url: str, under: str, body: Any) -> Response:
        """Write to a link from a response, on this client's own site and below one of its paths."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if not path.startswith(_ROOT + under):
            raise InvalidArgumentError("url", f"must be a link to {_ROOT}{under}...")
        return check_written(await self.request(method, path, json=body))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | bool] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Call any route, known or not; see `AsyncClient.request`."""
        if not isinstance(method, str) or not _METHOD.fullmatch(method):
            raise InvalidArgumentError("method", "must be a method such as GET, in capitals.")
        url = self._locate(path)
        if params:
            given = [(name, format_param(value)) for name, value in params.items()]
            url += ("&" if "?" in url else "?") + encode(given)
        more = {
            header_text("headers", name): header_text("headers", value, spaces=True)
            for name, value in (headers or {}).items()
            if str(name).lower() != "cookie"  # cookies are never sent
        }
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            more["Content-Type"] = bodies.JSON
        route = f"{method} {_NUMBERS.sub('{id}', urlsplit(url).path)}"
        return await self.transport.send(Request(method, url, route, more, content), self.options)

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
        """Return the URL of a path under the API's root; an absolute URL is returned as it is."""
        if not isinstance(path, str) or not path.isprintable() or " " in path:
            raise InvalidArgumentError("path", "must be a path or a URL without spaces.")
        absolute = path.startswith(("https://", "http://"))
        if absolute and not validation.is_http_url(path):
            raise InvalidArgumentError("path", "is no address that a request can be sent to.")
        if _DOTS.search(urlsplit(path).path):
            raise InvalidArgumentError("path", "must not hold . or .. as a segment.")
        if absolute:
            return path
        if "://" in path or path.startswith("//"):
            raise InvalidArgumentError("path", "must be a path such as /issues, or an http URL.")
        return self.site + _ROOT + "/" + path.removeprefix(_ROOT).lstrip("/")
