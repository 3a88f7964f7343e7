"""The messages of the pages for a failed login."""

from __future__ import annotations

import attrs

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError


@attrs.frozen
class Problem:
    """The content of a page that explains a failure.

    Attributes:
        status: The HTTP status of the page.
        title: What happened.
        explanation: Why it happened, and what to do.
    """

    status: int
    title: str
    explanation: str


FOREIGN = Problem(
    403,
    "This request is not from our page",
    "Another site, or a very old browser, sent this request, so nothing was done.",
)
TOO_LARGE = Problem(
    413,
    "The request is too large",
    "Your browser sent more than any response of SeeClickFix contains, so it was not read.",
)

_ONCE = "For your safety, each sign-in works once, for a few minutes, and in one browser."
_MISCONFIGURED = Problem(
    500,
    "Signing in is not set up correctly here",
    "You did nothing wrong. Please contact the operator of this site.",
)
_UNREACHABLE = Problem(
    502,
    "SeeClickFix is not available",
    "This site could not reach SeeClickFix, or received no usable response. Try again in a few "
    "minutes.",
)
_UNKNOWN = Problem(
    502,
    "Signing in failed",
    "SeeClickFix did not let this site sign you in. Try again, and if it happens again, contact "
    "the operator of this site.",
)
# The first entry whose class matches is used.
_PROBLEMS: tuple[tuple[type[SeeClickFixError], Problem], ...] = (
    (
        errors.AccessDeniedError,
        Problem(
            403,
            "You are not signed in",
            "You denied access, and nothing has changed. You can sign in at any time.",
        ),
    ),
    (
        errors.StateMismatchError,
        Problem(
            400,
            "This sign-in has ended",
            f"{_ONCE} This one took too long, was finished before, or was started in another "
            "browser or with cookies turned off. If you did not start it, close this page.",
        ),
    ),
    (
        errors.FlowFinishedError,
        Problem(400, "This sign-in was finished before", f"{_ONCE} It was not repeated."),
    ),
    (
        errors.FlowExpiredError,
        Problem(400, "This sign-in took too long", f"{_ONCE} Start again; nothing is lost."),
    ),
    (
        errors.InvalidRedirectError,
        Problem(
            400,
            "The response cannot be read",
            "The response that your browser brought from SeeClickFix is incomplete or damaged, so "
            "it was not used.",
        ),
    ),
    (
        errors.InvalidGrantError,
        Problem(
            400,
            "This sign-in has ended",
            f"{_ONCE} SeeClickFix no longer accepts this one.",
        ),
    ),
    (
        errors.ForeignTokenError,
        Problem(
            400,
            "This sign-in is for another site",
            "The response that your browser brought belongs to another application of SeeClickFix, "
            "so it was not used. If you did not start this sign-in, close this page.",
        ),
    ),
    (errors.InvalidClientError, _MISCONFIGURED),
    (errors.InvalidScopeError, _MISCONFIGURED),
    (errors.UnauthorizedClientError, _MISCONFIGURED),
    (errors.UnsupportedFlowError, _MISCONFIGURED),
    (errors.InvalidArgumentError, _MISCONFIGURED),
    (errors.ClientStateError, _MISCONFIGURED),
    (errors.NotFoundError, _MISCONFIGURED),
    (errors.TokenStoreError, _MISCONFIGURED),
    (
        errors.RateLimitedError,
        Problem(
            503,
            "Many people are signing in",
            "SeeClickFix limits the number of sign-ins per minute. Try again in a minute.",
        ),
    ),
    (errors.ProviderUnavailableError, _UNREACHABLE),
    (errors.TransportError, _UNREACHABLE),
    (errors.ServerError, _UNREACHABLE),
    (errors.ChallengeError, _UNREACHABLE),
    (errors.DecodeError, _UNREACHABLE),
    (SeeClickFixError, _UNKNOWN),
)


def problem_for(error: SeeClickFixError) -> Problem:
    """Return the page for an error; it has none of the error's message, which is for developers."""
    return next(problem for error_class, problem in _PROBLEMS if isinstance(error, error_class))
