"""One request on its way: what is sent, for whom, and what it has cost so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import Bearer, Credential, TokenSource
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.multipart import MultipartForm
from seeclickfix_async.errors import RateLimitedError, SeeClickFixError


class Unset:
    """What stands for an argument that was not given, where None means something."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset()

TOTAL_TIMEOUT = 300.0
"""Seconds for one request, as in aiohttp. A page of 1,000 issues then needs 8 kB a second."""


@attrs.frozen
class Request:
    """What is to be sent.

    Attributes:
        method: In capitals.
        url: Absolute, with its query.
        route: Method and route template, for errors and logs: without query or personal data.
        headers: More headers than the client's own.
        content: The body; a form is opened anew for each try.
        follow: Whether redirects are followed; a secret in the body must not be sent on.
        into: Takes the body of a success, wherever it comes from; it is no answer of the API.
    """

    method: str
    url: str = attrs.field(repr=False)
    route: str
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    content: bytes | MultipartForm | None = attrs.field(default=None, repr=False)
    follow: bool = True
    into: BodyWriter | None = attrs.field(default=None, repr=False)


@attrs.frozen
class RequestOptions:
    """What views of one client may differ in; times are in seconds."""

    credential: Credential | TokenSource | None = None
    timeout: float = attrs.field(default=30.0, validator=validation.validate_range(0.001, 3_600))
    total_timeout: float | None = attrs.field(
        default=TOTAL_TIMEOUT, validator=validation.validate_range(0.001, 86_400)
    )
    max_wait: float | None = attrs.field(
        default=None, validator=validation.validate_range(0, 86_400)
    )
    locale: str | None = attrs.field(default=None, validator=validation.validate_language_tag)
    background: bool = False


class Exchange:
    """One request under way: what it is, and what it has cost so far."""

    __slots__ = (
        "choosing",
        "credential",
        "has_left",
        "options",
        "renewed",
        "request",
        "sent",
    )

    def __init__(self, request: Request, options: RequestOptions) -> None:
        self.request: Request = request
        self.options: RequestOptions = options
        self.sent: int = 0
        # Whether a byte was sent since the last slot was taken; None if nobody can know.
        self.has_left: bool | None = False
        self.credential: Credential | None = None
        self.renewed: bool = False
        # What fails while this is set is not the request, but the renewal of its token.
        self.choosing: bool = False

    async def choose_credential(self) -> None:
        """What the next request is signed with; a source may have to renew its token first."""
        given = self.options.credential
        if given is None or isinstance(given, Credential):
            self.credential = given
            return
        self.choosing = True
        self.credential = Bearer(await given.current())
        self.choosing = False

    async def has_another(self) -> bool:
        """After a 401: whether a source has another token than the refused one; asked once."""
        source, refused = self.options.credential, self.credential
        if self.renewed or not isinstance(source, TokenSource) or not isinstance(refused, Bearer):
            return False
        self.renewed = True
        return await source.replaced(refused.token)

    @property
    def headers(self) -> dict[str, str]:
        """The request's own headers, and the language that answers shall be in."""
        spoken = {} if self.options.locale is None else {"Accept-Language": self.options.locale}
        return {**spoken, **(self.request.headers or {})}

    def patience(self, error: SeeClickFixError) -> float:
        """The longest wait before another try; `max_wait` bounds only a quota's wait."""
        most = self.options.max_wait
        return most if isinstance(error, RateLimitedError) and most is not None else math.inf
