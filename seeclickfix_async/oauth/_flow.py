"""A login, from the authorization URL to the token or code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.numbers import as_seconds
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._core.timestamps import Now, utc_now
from seeclickfix_async.errors import (
    AuthorizationError,
    FlowExpiredError,
    FlowFinishedError,
    InvalidArgumentError,
    InvalidRedirectError,
)
from seeclickfix_async.oauth import _parse as parse
from seeclickfix_async.oauth import _redirect as redirect
from seeclickfix_async.oauth._application import Application, check_redirect_uri
from seeclickfix_async.oauth._authorize import (
    Pkce,
    ResponseType,
    build_url,
    generate_pkce,
    generate_state,
    parse_scopes,
    validate_extra,
    validate_state,
)
from seeclickfix_async.oauth._parse import AuthorizationCode
from seeclickfix_async.oauth._redirect import RedirectParams
from seeclickfix_async.oauth._token import Token

FlowKind = Literal["code", "implicit"]
"""The authorization code flow, or the implicit flow."""

MAX_AGE = 600.0
"""Seconds that a login may take by default: the lifetime of the provider's codes (observed)."""


@attrs.frozen(kw_only=True)
class Flow:
    """A login in progress, to be stored until the browser is redirected back.

    Store it where only this browser can access it, such as its session. `to_dict` and pickling
    include everything, also the secrets. A flow accepts one response: remove it from the session
    before `finish()`, since each copy that is loaded from the session would accept one.

    Attributes:
        kind: `code` or `implicit`.
        url: The authorization URL to redirect the browser to.
        state: The secret that binds the response to this browser (RFC 6749 §10.12).
        verifier: The secret that binds the code to this login (RFC 7636); None for the implicit
            flow.
        redirect_uri: The URI that the provider redirects the browser to.
        scope: The requested scopes.
        issuer: The issuer that must have sent the response (RFC 9207); None to accept any.
        created_at: When the login was begun, in UTC.
        max_age: Seconds that the login may take.
    """

    kind: FlowKind
    url: str = attrs.field(repr=False)
    state: Secret = attrs.field(converter=as_secret)
    verifier: Secret | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_secret)
    )
    redirect_uri: str
    scope: tuple[str, ...] = ()
    issuer: str | None = None
    created_at: datetime
    max_age: float = attrs.field(default=MAX_AGE, converter=as_seconds)
    _unused: Lock = attrs.field(init=False, factory=Lock, repr=False, eq=False)

    def claim(self) -> bool:
        """Mark the flow as used; True for the first call only, among all threads and tasks."""
        return self._unused.acquire(blocking=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the flow as a dict for JSON. It contains the secrets."""
        return {
            "kind": self.kind,
            "url": self.url,
            "state": self.state.reveal(),
            "verifier": self.verifier and self.verifier.reveal(),
            "redirect_uri": self.redirect_uri,
            "scope": list(self.scope),
            "issuer": self.issuer,
            "created_at": self.created_at.timestamp(),
            "max_age": self.max_age,
        }

    @classmethod
    @hide_arguments
    def from_dict(cls, data: Mapping[str, Any]) -> Flow:
        """Return the flow of a dict that `to_dict` returned.

        Raises:
            InvalidArgumentError: The dict is invalid.
        """
        try:
            return cls(**_validated_fields(data))
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise InvalidArgumentError("data", "is not a dict of Flow.to_dict().") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Flow.from_dict, (self.to_dict(),)


def _validated_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a flow from the dict of `to_dict`; raise if one is invalid."""
    check_redirect_uri(data["redirect_uri"])
    if data["kind"] not in ("code", "implicit") or not isinstance(data["url"], str):
        raise ValueError
    if data["issuer"] is not None and not isinstance(data["issuer"], str):
        raise ValueError
    verifier = data["verifier"]
    return {
        **{name: data[name] for name in ("kind", "url", "redirect_uri", "issuer")},
        "state": Secret(validate_state(data["state"])),
        "verifier": None if verifier is None else Pkce(Secret(verifier)).verifier,
        "scope": parse_scopes(data["scope"]),
        "created_at": datetime.fromtimestamp(data["created_at"], UTC),
        "max_age": to_seconds("max_age", data["max_age"], 1, 86_400),
    }


def begin(
    app: Application,
    kind: FlowKind = "code",
    scope: str | Iterable[str] = (),
    *,
    max_age: Duration = MAX_AGE,
    extra: Mapping[str, str] | None = None,
    now: Now = utc_now,
) -> Flow:
    """Begin a login: redirect the browser to the flow's `url`, and store the flow for `finish()`.

    Args:
        app: The application.
        kind: `code`, always with PKCE (RFC 6749 §4.1, RFC 7636); or `implicit` (RFC 6749 §4.2),
            which the API page describes: its token appears in the browser's address bar and
            cannot be refreshed.
        scope: Scope names, or a string of names separated by spaces; by default the provider's.
            To request `write` alone loses `public`: request both (observed).
        max_age: Seconds that the login may take, from 1 to 86,400, or a timedelta.
        extra: More parameters of the authorization URL, such as `scf_login`, which the service's
            own apps send (observed). They cannot replace those of the login.
        now: Returns the current time as an aware datetime; for tests.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    if not (isinstance(kind, str) and kind in ("code", "implicit")):
        raise InvalidArgumentError("kind", "must be 'code' or 'implicit'.")
    scopes = parse_scopes(scope)
    state = generate_state()
    pkce = generate_pkce() if kind == "code" else None
    response_type: ResponseType = "token" if pkce is None else "code"
    return Flow(
        kind=kind,
        url=build_url(app.address, response_type, state, scopes, pkce, extra=validate_extra(extra)),
        state=Secret(state),
        verifier=None if pkce is None else pkce.verifier,
        redirect_uri=app.redirect_uri,
        scope=scopes,
        issuer=app.issuer,
        created_at=validation.aware_utc("now", now()),
        max_age=to_seconds("max_age", max_age, 1, 86_400),
    )


@hide_arguments
def finish(flow: Flow, redirected: str, *, now: Now = utc_now) -> Token | AuthorizationCode:
    """Finish a login: return its token (implicit flow), or a code to exchange (code flow).

    The checks run in this order: length and encoding, redirect URI, age, state, issuer, and that
    the flow was not finished before. Then the provider's error is raised, or the token or code is
    returned. A flow stays usable after a response that does not belong to it.

    The response does not say which application a token of the implicit flow was issued to. Pass the
    token to `TokenEndpoint.verify` before you sign its owner in: another application that received
    a token of your user could otherwise sign in as that user here (RFC 6749 §10.16).

    Args:
        flow: The flow that `begin()` returned, from this browser's session.
        redirected: The URL that the browser was redirected to, or its query or fragment.
        now: Returns the current time as an aware datetime; for tests.

    Raises:
        InvalidRedirectError: The URL is invalid, or is not for this redirect URI or issuer.
        FlowExpiredError: The login took longer than `max_age`.
        StateMismatchError: The response does not belong to this flow.
        FlowFinishedError: The flow was finished before.
        AuthorizationError: The provider refused; `AccessDeniedError` if the user did.
    """
    params = redirect.parse_redirect(redirected)
    _verify_redirect_uri(flow, redirected)
    finished_at = validation.aware_utc("now", now())
    if (finished_at - flow.created_at).total_seconds() > flow.max_age:
        raise FlowExpiredError(flow.max_age)
    redirect.verify_state(params, flow.state, flow.issuer)
    result = _parse_result(flow, params, finished_at)
    if not flow.claim():
        raise FlowFinishedError
    if isinstance(result, AuthorizationError):
        raise result
    return result


def _parse_result(
    flow: Flow, params: RedirectParams, now: datetime
) -> Token | AuthorizationCode | AuthorizationError:
    error = redirect.authorization_error(params)
    if error is not None:
        return error
    if flow.kind == "implicit":
        return parse.token_from_params(params, now)
    return AuthorizationCode(parse.code_from_params(params), flow.redirect_uri, flow.verifier)


def _verify_redirect_uri(flow: Flow, redirected: str) -> None:
    """Check that a complete URL matches the redirect URI, apart from query and fragment."""
    url = redirected.strip().partition("#")[0].partition("?")[0]
    scheme, colon, _ = url.partition(":")
    if not colon or "=" in scheme:
        return  # a query or a fragment alone
    if url != flow.redirect_uri.partition("?")[0] and not _is_equivalent(url, flow.redirect_uri):
        raise InvalidRedirectError(
            "The redirected URL does not match the redirect URI of this login."
        )


def _is_equivalent(url: str, redirect_uri: str) -> bool:
    """Compare URLs; the case of scheme and host is ignored, and so is a default port."""
    try:
        same_origin = parse_origin(url) == parse_origin(redirect_uri)
        return same_origin and urlsplit(url).path == urlsplit(redirect_uri).path
    except ValueError:
        return False
