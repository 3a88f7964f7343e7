"""Every error of this package, in one tree.

    SeeClickFixError
    ├── InvalidArgumentError          refused here, nothing was sent (also a ValueError)
    │   └── InvalidDraftError         a report with all its faults
    ├── ClientStateError              the client cannot be used now (also a RuntimeError)
    │   ├── ClosedClientError
    │   └── EventLoopError
    ├── TransportError                no usable answer came back
    │   ├── ConnectionFailedError     the request never left
    │   ├── AnswerLostError           the request may have arrived
    │   │   ├── AnswerTimeoutError
    │   │   └── IssueMayExistError    a report whose fate is not known
    │   ├── RedirectLoopError
    │   ├── RedirectRefusedError      following would lose or give away what was sent
    │   ├── ForeignRedirectError
    │   └── ResponseTooLargeError
    ├── StatusError                   the service said no
    │   ├── BadRequestError           400 and other 4xx
    │   ├── AuthenticationError       401, or nobody is signed in
    │   ├── PermissionDeniedError     403
    │   │   └── BlockedError          403 by administrative rules: stop sending
    │   ├── NotFoundError             404
    │   ├── ValidationError           422, or a success that lists errors
    │   ├── RateLimitedError          429, or a wait longer than `max_wait`
    │   └── ServerError               5xx
    ├── DecodeError                   the answer is not what the API promises
    ├── TruncatedResultsError         the service stopped before the end
    ├── TokenStoreError               a token cannot be kept, or not safely
    └── OAuthError                    the login did not end in a token
        ├── InvalidRedirectError      what came back cannot be read, or says two things at once
        ├── StateMismatchError        what came back does not belong to this login
        ├── FlowExpiredError          it came back too late
        ├── FlowFinishedError         it came back a second time
        ├── ReauthorizationRequiredError  the person has to sign in again
        └── AuthorizationError        the provider refused, with its error code
            ├── AccessDeniedError     the person pressed "Deny"
            ├── InvalidClientError
            ├── InvalidGrantError     the code or refresh token is of no use any more
            ├── InvalidScopeError
            ├── UnauthorizedClientError
            ├── UnsupportedFlowError  the provider does not offer this kind of flow or grant
            └── ProviderUnavailableError

Errors carry data, say what to do next, pickle, and never hold a token, a secret or a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _restore(
    cls: type[SeeClickFixError], args: tuple[object, ...], data: dict[str, object]
) -> SeeClickFixError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(data)
    return error


class SeeClickFixError(Exception):
    """Whatever goes wrong in this package is one of these."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class InvalidArgumentError(SeeClickFixError, ValueError):
    """An argument was refused before anything was sent.

    Attributes:
        argument: The name of the argument that is at fault.
        reason: What is wrong with it.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument
        self.reason = reason


class InvalidDraftError(InvalidArgumentError):
    """A report has faults, all of which are told at once; nothing was sent.

    Attributes:
        errors: What is wrong, by the question's key or the argument, as in `ValidationError`;
            `base` holds what belongs to none.
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        faults = (f"{field}: {word}" for field, words in errors.items() for word in words)
        super().__init__("draft", " ".join(faults))
        self.errors: dict[str, list[str]] = dict(errors)


class ClientStateError(SeeClickFixError, RuntimeError):
    """The client cannot be used in the state that it is in."""


class ClosedClientError(ClientStateError):
    """The client, or the client that this view belongs to, has been closed."""

    def __init__(self) -> None:
        super().__init__(
            "This client is closed. Make the call inside its `async with` block, "
            "or make a new AsyncClient."
        )


class EventLoopError(ClientStateError):
    """The client is being used from another event loop than its first one."""

    def __init__(self) -> None:
        super().__init__(
            "This client already served another event loop, and its connections belong there. "
            "Make one AsyncClient per event loop."
        )


class TransportError(SeeClickFixError):
    """No usable answer came back.

    Attributes:
        route: The request's method and route template, without query or personal data.
    """

    def __init__(self, message: str, *, route: str = "") -> None:
        super().__init__(f"{route}: {message}".removeprefix(": "))
        self.route = route


class ConnectionFailedError(TransportError):
    """No connection was made, so the request never left: it is safe to send it again."""


class AnswerLostError(TransportError):
    """The connection broke after sending: the service may have carried the request out."""


class AnswerTimeoutError(AnswerLostError):
    """The answer took longer than the client's `timeout`."""


class IssueMayExistError(AnswerLostError):
    """A report was sent, and its answer never came: the issue may exist or not.

    Look before you report again: `await client.issues.find_lost(error)` gives the issues of this
    kind at this place, the newest first. `client.issues.mine()` knows it too.

    Attributes:
        filters: Arguments of `client.issues.list()` that find the issue.
    """

    def __init__(self, filters: Mapping[str, Any], *, route: str = "") -> None:
        super().__init__(
            "No usable answer came, and the issue may exist. Before you report it again, look "
            "with client.issues.find_lost(error).",
            route=route,
        )
        self.filters: dict[str, Any] = dict(filters)


class RedirectLoopError(TransportError):
    """The service redirects in a circle, or more often than any honest answer needs."""


class RedirectRefusedError(TransportError):
    """The service redirects what must not be sent on: a write's body, or a secret."""


class ForeignRedirectError(TransportError):
    """Another origin than the API's was named as the place of the answer.

    A write is never sent there, and a read that went there without the token did not find
    the API's answer.

    Attributes:
        origin: The foreign origin, such as `https://login.example`.
    """

    def __init__(self, message: str, *, origin: str, route: str = "") -> None:
        super().__init__(message, route=route)
        self.origin = origin


class ResponseTooLargeError(TransportError):
    """The answer is larger than the client accepts; reading stopped at the limit.

    Attributes:
        limit: How many bytes are accepted.
    """

    def __init__(self, limit: int, *, route: str = "") -> None:
        super().__init__(
            f"The answer is larger than {limit:,} bytes, which no answer of the API is. "
            "Ask for fewer rows with per_page, or check base_url.",
            route=route,
        )
        self.limit = limit


class StatusError(SeeClickFixError):
    """The service refused the request.

    Attributes:
        status: The HTTP status, or None when the refusal was ours.
        route: The request's method and route template, without query or personal data.
        body: The parsed JSON body, or None when there is none.
        headers: The answer's headers, names in lower case.
        retry_after: Seconds to wait before the next try, if they are known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        route: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.route = route
        self.body = body
        self.headers: dict[str, str] = dict(headers or {})
        self.retry_after = retry_after


class BadRequestError(StatusError):
    """400, or a 4xx that has no error of its own."""


class AuthenticationError(StatusError):
    """401: the token is missing, expired, revoked or wrong; or nobody is signed in.

    Attributes:
        reason: `expired`, `revoked` or `invalid`, as the provider says; empty when it does not.
    """

    def __init__(self, message: str, *, reason: str = "", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class PermissionDeniedError(StatusError):
    """403: the account may not do this.

    Attributes:
        reason: `account` when the account may not; `nobody` when nobody is signed in; `blocked`
            when the service refuses the client as a whole, which is a `BlockedError`.
    """

    def __init__(self, message: str, *, reason: str = "account", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class BlockedError(PermissionDeniedError):
    """403 "by administrative rules": the service refuses this client as a whole.

    It is never retried, and requests that were waiting for their turn fail with it too.
    """


class NotFoundError(StatusError):
    """404: there is no such thing, or this account may not see it."""


class ValidationError(StatusError):
    """422, or a success whose body lists errors.

    Attributes:
        errors: What is wrong, by field; `base` holds what belongs to no field.
    """

    def __init__(
        self, message: str, *, errors: Mapping[str, list[str]] | None = None, **data: Any
    ) -> None:
        super().__init__(message, **data)
        self.errors: dict[str, list[str]] = dict(errors or {})


class RateLimitedError(StatusError):
    """429, or a wait longer than `max_wait` (then `status` is None and nothing was sent)."""


class ServerError(StatusError):
    """5xx: the service failed."""


UNCERTAIN = (AnswerLostError, RedirectRefusedError, ResponseTooLargeError, ServerError)
"""What leaves it open whether a write was carried out."""


class DecodeError(SeeClickFixError):
    """The answer is not what the API promises.

    Attributes:
        path: Where, as in `issues[3].lat`; empty for the answer as a whole.
        route: The request's method and route template.
    """

    def __init__(self, reason: str, *, path: str = "", route: str = "") -> None:
        where = f" at {path}" if path else ""
        of = f" of {route}" if route else ""
        super().__init__(
            f"The answer{of} cannot be read{where}: {reason} "
            "client.request() gives the answer as it came."
        )
        self.path = path
        self.route = route


class TruncatedResultsError(SeeClickFixError):
    """The service stopped before the end of the results, without saying so.

    Attributes:
        page: The last page that was asked for.
        received: How many rows had come.
        entries: How many rows the service promised, if it said.
    """

    def __init__(
        self, reason: str, *, page: int = 0, received: int = 0, entries: int | None = None
    ) -> None:
        super().__init__(
            f"{reason} {received} of {'?' if entries is None else entries} rows came. "
            "Use client.issues.crawl(), which walks by time and is not bound by that, "
            "or narrow the query."
        )
        self.page = page
        self.received = received
        self.entries = entries


class OAuthError(SeeClickFixError):
    """The login did not end in a token."""


class InvalidRedirectError(OAuthError):
    """What came back from the authorization page cannot be read as an answer."""


class StateMismatchError(OAuthError):
    """The answer carries no state, or not the one of this login."""

    def __init__(self) -> None:
        super().__init__(
            "The answer does not belong to this login. Usual causes: the page was opened in "
            "another browser or tab, the login was finished twice or after its session ended, "
            "or somebody tries to sign you in to an account of theirs. Start the login again."
        )


class FlowExpiredError(OAuthError):
    """The browser came back later than the flow allows.

    Attributes:
        max_age: How long the login may take, in seconds.
    """

    def __init__(self, max_age: float) -> None:
        super().__init__(
            f"The login took longer than {max_age:g} seconds. Start it again, "
            "or allow a longer max_age."
        )
        self.max_age = max_age


class FlowFinishedError(OAuthError):
    """The login has been finished before: a flow is good for one answer."""

    def __init__(self) -> None:
        super().__init__("This login has been finished before. Start a new one.")


class ReauthorizationRequiredError(OAuthError):
    """There is no token, or none that can be renewed: the person has to sign in again.

    Attributes:
        key: The user's key in the token store.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r} has to sign in again: {reason}")
        self.key = key


class AuthorizationError(OAuthError):
    """The provider refused, with an error of RFC 6749 §4.1.2.1, §4.2.2.1 or §5.2.

    Attributes:
        code: The provider's error code, such as `invalid_scope`.
        description: The provider's own words, or an empty string.
    """

    def __init__(self, code: str, description: str = "", advice: str = "") -> None:
        words = filter(None, (f"The provider refused: {code}.", description, advice))
        super().__init__(" ".join(words))
        self.code = code
        self.description = description


class AccessDeniedError(AuthorizationError):
    """The person, or the provider, denied the access that was asked for."""


class InvalidClientError(AuthorizationError):
    """The provider does not know this application, or not with this secret."""


class InvalidGrantError(AuthorizationError):
    """The code or refresh token is used up, expired, revoked or another application's.

    A refresh without the application's secret looks the same (observed).
    """


class InvalidScopeError(AuthorizationError):
    """The provider does not know the scope, or does not grant it to this application."""


class UnauthorizedClientError(AuthorizationError):
    """The application may not do this, such as revoke another one's token."""


class UnsupportedFlowError(AuthorizationError):
    """The provider does not offer this kind of flow or grant."""


class ProviderUnavailableError(AuthorizationError):
    """The provider failed, or is busy."""


class TokenStoreError(SeeClickFixError):
    """A token cannot be read or kept, or not safely."""
