"""The arguments of a client: their types, and the environment variables and credential."""

from __future__ import annotations

from typing import TypedDict

from seeclickfix_async._core.clock import Clock
from seeclickfix_async._core.credentials import (
    Basic,
    Bearer,
    Credential,
    RenewableBearer,
    TokenSource,
)
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.pasted import refuse_additions
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._transport.cache import Cache
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import RateLimiter
from seeclickfix_async._transport.request import Unset
from seeclickfix_async._transport.retry import Retry
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.oauth._token import Token

TOKEN_VARIABLE = "SEECLICKFIX_TOKEN"  # noqa: S105  # a name, not a token
SITE_VARIABLE = "SEECLICKFIX_BASE_URL"

AccessToken = str | Secret | Token | TokenSource


class ClientOptions(TypedDict, total=False):
    """The options of `AsyncClient`; see there."""

    base_url: str
    http: HTTPClient | None
    limiter: RateLimiter | Unset | None
    retry: Retry
    timeout: Duration | None
    total_timeout: Duration | None
    max_wait: Duration | None
    user_agent: str | None
    contact: str | None
    locale: str | None
    cache: Cache | Unset | None
    clock: Clock
    allow_insecure_http: bool


def parse_credential(
    token: AccessToken | None, auth: tuple[str, str] | None
) -> Credential | RenewableBearer | None:
    """Return the credential of a client; None without one.

    Raises:
        InvalidArgumentError: Both were passed, or one is invalid.
    """
    if token is not None and auth is not None:
        raise InvalidArgumentError("auth", "cannot be combined with a token.")
    if auth is not None:
        return Basic(*auth)
    if token is None:
        return None
    if isinstance(token, TokenSource):
        return RenewableBearer(token)
    if isinstance(token, Token):
        return Bearer(token.access_token)
    secret = as_secret(token)
    refuse_additions("token", secret.reveal())
    return Bearer(secret)
