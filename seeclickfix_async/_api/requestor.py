"""From a route and its arguments to a request, and from its response to models."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, SupportsIndex, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import attrs
import msgspec

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.area import WATCHER_TOKEN
from seeclickfix_async._api.headers import check_headers
from seeclickfix_async._api.page import Identified, Page, require_readable
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.query import encode, format_param, page_params
from seeclickfix_async._api.reading import check_written, read_object, read_page
from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.credentials import api_url
from seeclickfix_async._core.image import detect_suffix
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.multipart import Attachment, MultipartForm
from seeclickfix_async._transport.photos import as_acceptable
from seeclickfix_async._transport.request import Request, RequestOptions
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._returned import ReturnedT

RowT = TypeVar("RowT", bound=Identified)

_ROOT = api_url("")
_METHOD = re.compile(r"[A-Z]{3,10}")
# Cookies are never sent, and the coding is the transport's choice.
_TRANSPORT_HEADERS = ("Cookie", "Accept-Encoding")
_NAME_IN_PATH = re.compile(r"[a-z][a-z_-]*\d?(\.json)?")


def _to_tuple(params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(params)


@attrs.frozen
class CollectionRoute(Generic[RowT]):
    """A route whose response is a list of rows, with its arguments.

    Attributes:
        model: The class of the rows.
        key: The name of the list in the response; empty if the response is the list itself.
        route: The route template, such as `/issues/{id}/comments`.
        params: The query parameters, without the page number.
        path: The values of the placeholders in `route`.
    """

    model: type[RowT]
    key: str
    route: str
    params: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_to_tuple, repr=False)
    path: Mapping[str, int | str] = attrs.field(factory=dict)


@attrs.frozen
class Requestor:
    """Sends the requests of all resources of one view of the client, with its options.

    Attributes:
        transport: The transport that all views share.
        site: The service's URL, without a path.
        options: The options of the view.
        root: The path before all routes, which for Open311 is not that of the API.
    """

    transport: Transport
    site: str
    options: RequestOptions
    root: str = _ROOT

    @property
    def signed_in(self) -> bool:
        """True if requests carry a credential, or the caller's own HTTP client may add one."""
        return self.options.credential is not None or self.transport.has_callers_client

    @property
    def current(self) -> Requestor:
        """The same requests, always sent: the cache returns no unconfirmed response to them."""
        return attrs.evolve(self, options=attrs.evolve(self.options, is_current=True))

    async def get(
        self, route: str, *, params: Iterable[tuple[str, str]] = (), **path: int | str
    ) -> Response:
        """Call a route such as `/issues/{id}`, with the values of its placeholders."""
        params = tuple(params)
        url = self._url(route, path) + (f"?{encode(params)}" if params else "")
        secrets = _secrets_in(params) if params else ()
        request = Request("GET", url, f"GET {route}", secrets=secrets)
        return await self.transport.send(request, self.options)

    async def write(
        self,
        method: str,
        route: str,
        body: Mapping[str, Any] | None = None,
        *,
        attachment: Attachment | None = None,
        as_form: bool = False,
        secrets: tuple[Secret, ...] = (),
        **path: int | str,
    ) -> Response:
        """Call a route that writes: with JSON, or with a form if there is an attachment.

        Errors do not quote `secrets` of the body from the response.

        Raises:
            AnswerLostError: The response is not JSON, such as the page of a proxy.
            ValidationError: The service refused, or listed errors in a success.
        """
        content: bytes | MultipartForm | None = None
        headers: dict[str, str] = {}
        if attachment is not None:
            image = await as_acceptable(attachment.image)
            photo = attrs.evolve(attachment, image=image)
            content = MultipartForm(tuple(bodies.form_fields(body or {})), photo)
        elif as_form:
            content = encode(bodies.form_fields(body or {})).encode()
            headers = {"Content-Type": bodies.FORM}
        elif body is not None:
            content, headers = msgspec.json.encode(body), {"Content-Type": bodies.JSON}
        url = self._url(route, path)
        request = Request(method, url, f"{method} {route}", headers, content, secrets=secrets)
        return check_written(await self.transport.send(request, self.options))

    async def get_object(
        self,
        model: type[ReturnedT],
        route: str,
        *,
        params: Iterable[tuple[str, str]] = (),
        **path: int | str,
    ) -> ReturnedT:
        """Call a route whose response is one object."""
        return read_object(await self.get(route, params=params, **path), model)

    async def get_items(self, route: CollectionRoute[RowT]) -> tuple[RowT, ...]:
        """Call a route whose response is a collection without pages.

        Raises:
            DecodeError: It has rows, but none of them can be read.
        """
        return require_readable(await self.get_page(route)).items

    def pager(self, route: CollectionRoute[RowT], start: SupportsIndex) -> Pager[RowT]:
        """Return the listing of a collection, from page `start`."""
        return Pager(functools.partial(self.get_page, route), start)

    async def get_page(self, route: CollectionRoute[RowT], number: int = 1) -> Page[RowT]:
        """Call a route whose response is a page of a collection."""
        response = await self.fetch_page(route, number)
        return read_page(response, route.model, route.key, number, hook=self.transport.hook)

    async def fetch_page(self, route: CollectionRoute[Any], number: int) -> Response:
        """Request a page, to be decoded later with `read_page`."""
        params = [*route.params, *page_params(number)]
        return await self.get(route.route, params=params, **route.path)

    async def download(self, url: str, into: BodyWriter) -> None:
        """Fetch an image. Redirects may lead to other origins, which do not receive the token.

        Raises:
            DecodeError: It is not an image. A server's word does not count: storage hosts send
                images as `application/octet-stream`, and error pages as `image/jpeg` (observed).
        """
        request = Request("GET", url, "GET a photo", {"Accept": "image/*"}, into=into)
        response = await self.transport.send(request, self.options)
        if detect_suffix(into.head) is None:
            raise response.decode_error(
                "It is not an image: no png, jpeg, gif, webp, heic or avif, judging by its first "
                "bytes."
            )

    async def follow(self, method: str, url: str, prefix: str, body: Any) -> Response:
        """Write to a link from a response, at this client's own site.

        Raises:
            InvalidArgumentError: It is not a link, or its path does not begin with `prefix`.
        """
        self._locate(url)
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if not path.startswith(_ROOT + prefix):
            raise InvalidArgumentError("url", f"must be a link to {_ROOT}{prefix}...")
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
            raise InvalidArgumentError("method", "must be an HTTP method in capitals, such as GET.")
        url = self._locate(path)
        pairs = [
            (validation.unicode_str("params", name), _format_value(name, value))
            for name, value in (params or {}).items()
        ]
        if pairs:
            url += ("&" if "?" in url else "?") + encode(pairs)
        extra_headers = check_headers(headers)
        if "Authorization" in extra_headers:
            self.transport.check_secure()
        for name in _TRANSPORT_HEADERS:
            extra_headers.pop(name, None)
        content = None
        if json is not None:
            content = bodies.encode_json(json)
            extra_headers["Content-Type"] = bodies.JSON
        route = f"{method} {_route_template(urlsplit(url).path)}"
        secrets = _secrets_in((*parse_qsl(urlsplit(url).query), *pairs))
        request = Request(method, url, route, extra_headers, content, secrets=secrets)
        return await self.transport.send(request, self.options)

    def _url(self, route: str, path: Mapping[str, int | str]) -> str:
        for name, value in path.items():
            if isinstance(value, int):
                continue
            if value in (".", ".."):
                raise InvalidArgumentError(name, "must not be '.' or '..'.")
            path = {**path, name: quote(value, safe="")}
        return self.site + self.root + route.format(**path)

    def _locate(self, path: str) -> str:
        """Return the URL of a path under the API's root; an absolute URL is returned as it is."""
        if not isinstance(path, str) or not path.isprintable() or " " in path:
            raise InvalidArgumentError("path", "must be a path or a URL without spaces.")
        absolute = path.startswith(("https://", "http://"))
        if absolute and not validation.is_http_url(path):
            raise InvalidArgumentError("path", "is not a valid URL.")
        if validation.has_dot_segment(re.split("[?#]", path, maxsplit=1)[0]):
            raise InvalidArgumentError("path", "must not have a segment '.' or '..'.")
        if absolute:
            return path
        if "://" in path or path.startswith("//"):
            raise InvalidArgumentError(
                "path", "must be a path such as /issues, or an http or https URL."
            )
        return self.site + _ROOT + "/" + path.removeprefix(_ROOT).lstrip("/")


def _route_template(path: str) -> str:
    """Return a path without what may be personal: ids, addresses, coordinates and file names."""
    template: list[str] = []
    for segment in path.split("/"):
        if template and template[-1] == "geocode":
            template.append("{point}")
        else:
            is_name = not segment or _NAME_IN_PATH.fullmatch(segment)
            template.append(segment if is_name else "{id}")
    return "/".join(template)


def _format_value(name: str, value: object) -> str:
    missing = numbers.not_a_number(value)
    if value is None or missing:
        raise InvalidArgumentError("params", f"{name} must have a value{missing}, or be left out.")
    formatted = format_param(bool(value) if numbers.is_boolean(value) else value)
    return validation.unicode_str("params", formatted)


def _secrets_in(params: Iterable[tuple[str, str]]) -> tuple[Secret, ...]:
    """Return the secrets among query parameters, which errors must not repeat."""
    return tuple(Secret(value) for name, value in params if name == WATCHER_TOKEN)
