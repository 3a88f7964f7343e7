"""One login, from the way to the authorization page to what came back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Literal
from urllib.parse import quote_plus, urlsplit

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.secret import MASK, Secret, strip_traceback
from seeclickfix_async.errors import (
    AuthorizationError,
    FlowExpiredError,
    FlowFinishedError,
    InvalidArgumentError,
    InvalidRedirectError,
    OAuthError,
)
from seeclickfix_async.oauth import _parse as parse
from seeclickfix_async.oauth import _redirect as redirect
from seeclickfix_async.oauth._application import Application, check_redirect_uri
from seeclickfix_async.oauth._authorize import (
    Pkce,
    generate_state,
    pkce_challenge,
    scope_names,
    validate_state,
)
from seeclickfix_async.oauth._parse import AuthorizationCode, Now, utc_now
from seeclickfix_async.oauth._redirect import Answer
from seeclickfix_async.oauth._token import Token

FlowKind = Literal["code", "implicit"]

MAX_AGE = 600.0
"""Seconds that a login may take unless told: as long as the provider's codes live (observed)."""


@attrs.frozen(kw_only=True)
class Flow:
    """A login that was begun: what has to be kept until the browser comes back.

    Keep it where only this browser has it, such as its session: `to_dict` and a pickle carry
    everything, secrets too. A flow is good for one answer: take it out of the session before
    `finish()`, since a copy from there does not know what became of the others.

    Attributes:
        kind: `code` or `implicit`.
        url: Where to send the browser.
        state: Ties the answer to this browser (RFC 6749 §10.12).
        verifier: Ties the code to this application (RFC 7636); None for the implicit flow.
        redirect_uri: Where the browser comes back to.
        scope: The scopes that were asked for.
        issuer: Who has to answer (RFC 9207); None when that is not known.
        created_at: When it was begun, in UTC.
        max_age: How many seconds the login may take.
    """

    kind: FlowKind
    url: str = attrs.field(repr=False)
    state: Secret
    verifier: Secret | None = None
    redirect_uri: str
    scope: tuple[str, ...] = ()
    issuer: str | None = None
    created_at: datetime
    max_age: float = MAX_AGE
    _unused: Lock = attrs.field(init=False, factory=Lock, repr=False, eq=False)

    def claim(self) -> bool:
        """Use the flow up: True for the first who asks, whichever thread or task that is."""
        return self._unused.acquire(blocking=False)

    def to_dict(self) -> dict[str, Any]:
        """The flow as plain values for JSON, with its secrets."""
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
    def from_dict(cls, kept: Mapping[str, Any]) -> Flow:
        """The flow that `to_dict` gave.

        Raises:
            InvalidArgumentError: It is none.
        """
        try:
            return cls(**_checked(kept))
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            strip_traceback(error)
            kept = {}
            raise InvalidArgumentError("kept", "is no flow as Flow.to_dict() gives.") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Flow.from_dict, (self.to_dict(),)


def _checked(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_dict` wrote, as arguments; whatever it did not write raises."""
    check_redirect_uri(kept["redirect_uri"])
    if kept["kind"] not in ("code", "implicit") or not isinstance(kept["url"], str):
        raise ValueError
    if kept["issuer"] is not None and not isinstance(kept["issuer"], str):
        raise ValueError
    verifier = kept["verifier"]
    return {
        **{name: kept[name] for name in ("kind", "url", "redirect_uri", "issuer")},
        "state": Secret(validate_state(kept["state"])),
        "verifier": None if verifier is None else Pkce(Secret(verifier)).verifier,
        "scope": scope_names(kept["scope"]),
        "created_at": datetime.fromtimestamp(kept["created_at"], UTC),
        "max_age": _max_age(kept["max_age"]),
    }


def _max_age(value: float) -> float:
    validation.in_range("max_age", value, 1, 86_400, whole=False)
    return float(value)


def begin(
    app: Application,
    kind: FlowKind = "code",
    scope: str | Iterable[str] = (),
    *,
    max_age: float = MAX_AGE,
    now: Now = utc_now,
) -> Flow:
    """Begin a login: send the browser to the flow's `url`, and keep the flow for `finish()`.

    Args:
        app: The application that asks.
        kind: `code`, always with PKCE (RFC 6749 §4.1, RFC 7636); or `implicit` (§4.2), the one
            that the API's page walks through: its token passes through the address bar, and it
            cannot be renewed.
        scope: Scope names, or one string with spaces between; none for the provider's default. To
            ask for `write` alone loses `public`: ask for both (observed).
        max_age: How many seconds the login may take.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidArgumentError: An argument cannot be used.
    """
    if kind not in ("code", "implicit"):
        raise InvalidArgumentError("kind", "must be 'code' or 'implicit'.")
    scopes = scope_names(scope)
    state = generate_state()
    verifier = None
    # What is made here holds URL-safe characters only, and needs no encoding.
    url = f"{app.address}&state={state}"
    if scopes:
        url += f"&scope={quote_plus(' '.join(scopes))}"
    if kind == "code":
        verifier = secrets.token_urlsafe(32)
        url += (
            f"&response_type=code&code_challenge={pkce_challenge(verifier)}"
            "&code_challenge_method=S256"
        )
    else:
        url += "&response_type=token"
    return Flow(
        kind=kind,
        url=url,
        state=Secret(state),
        verifier=None if verifier is None else Secret(verifier),
        redirect_uri=app.redirect_uri,
        scope=scopes,
        issuer=app.issuer,
        created_at=now(),
        max_age=_max_age(max_age),
    )


def finish(flow: Flow, redirected: str, *, now: Now = utc_now) -> Token | AuthorizationCode:
    """What the login ended in: a token (implicit), or a code to be exchanged (code).

    Refuses in this order: size and form, a redirect URI that is not the flow's, age, state, issuer,
    a second answer; then come the provider's error, the token or the code. An answer that is not
    the flow's leaves it usable.

    Args:
        flow: What `begin()` gave, from this browser's session.
        redirected: The whole URL that the browser came back to, or its query, or its fragment.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidRedirectError: It cannot be read, or is an answer to something else.
        FlowExpiredError: The login took longer than the flow allows.
        StateMismatchError: It does not belong to this flow.
        FlowFinishedError: This flow got its answer before.
        AuthorizationError: The provider refused; AccessDeniedError when the person did.
    """
    try:
        return _finished(flow, redirected, now())
    except OAuthError as error:
        strip_traceback(error)
        redirected = MASK
        raise


def _finished(flow: Flow, redirected: str, moment: datetime) -> Token | AuthorizationCode:
    answer = redirect.parse_answer(redirected)
    _check_address(flow, redirected)
    if (moment - flow.created_at).total_seconds() > flow.max_age:
        raise FlowExpiredError(flow.max_age)
    redirect.verify_state(answer, flow.state, flow.issuer)
    ended = _ending(flow, answer, moment)
    if not flow.claim():
        raise FlowFinishedError
    if isinstance(ended, AuthorizationError):
        raise ended
    return ended


def _ending(
    flow: Flow, answer: Answer, moment: datetime
) -> Token | AuthorizationCode | AuthorizationError:
    refusal = redirect.authorization_error(answer)
    if refusal is not None:
        return refusal
    if flow.kind == "implicit":
        return parse.token_from(answer, moment)
    return AuthorizationCode(
        parse.authorization_code_from(answer), flow.redirect_uri, flow.verifier
    )


def _check_address(flow: Flow, redirected: str) -> None:
    """A whole URL must be the flow's redirect URI, whatever its query and fragment."""
    address = redirected.strip().partition("#")[0].partition("?")[0]
    scheme, colon, _ = address.partition(":")
    if not colon or "=" in scheme:
        return  # a query or a fragment alone
    if address != flow.redirect_uri.partition("?")[0] and not _same_place(flow, address):
        raise InvalidRedirectError("It is not the redirect URI that this login was begun with.")


def _same_place(flow: Flow, address: str) -> bool:
    """Scheme and host are alike in any case of letters, and with or without the usual port."""
    expected = urlsplit(flow.redirect_uri)
    try:
        came = urlsplit(address)
        return (
            parse_origin(address) == parse_origin(flow.redirect_uri) and came.path == expected.path
        )
    except ValueError:
        return False
