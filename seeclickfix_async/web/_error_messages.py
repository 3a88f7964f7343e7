"""What a person is told when a login did not end well."""

from __future__ import annotations

import attrs

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError


@attrs.frozen
class Problem:
    """What happened and what to do, in plain words.

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
    "This was not sent by our page",
    "Another site, or a very old browser, sent this request, so nothing was done.",
)
TOO_LARGE = Problem(
    413,
    "That is too much",
    "What your browser sent is larger than any answer of SeeClickFix, so it was not read.",
)

_OVER = "For your safety, each sign-in works once, for some minutes, and in one browser."
_MISCONFIGURED = Problem(
    500,
    "Signing in is not set up correctly here",
    "Nothing is wrong on your side. Please tell the people who run this site.",
)
_UNREACHABLE = Problem(
    502,
    "SeeClickFix does not answer",
    "This site could not reach SeeClickFix, or got no usable answer. Try again in a few minutes.",
)
_UNKNOWN = Problem(
    502,
    "Signing in did not work",
    "SeeClickFix did not let this site sign you in. Try again, and if it happens once more, tell "
    "the people who run this site.",
)
# The first that fits counts.
_PROBLEMS: tuple[tuple[type[SeeClickFixError], Problem], ...] = (
    (
        errors.AccessDeniedError,
        Problem(
            403,
            "You are not signed in",
            "You chose not to give access, and nothing has changed. You can sign in whenever you "
            "like.",
        ),
    ),
    (
        errors.StateMismatchError,
        Problem(
            400,
            "This sign-in is over",
            f"{_OVER} This one took too long, was finished before, or began in another browser "
            "or with cookies turned off. If it was not you who began it, close this page.",
        ),
    ),
    (
        errors.FlowFinishedError,
        Problem(400, "This sign-in was finished before", f"{_OVER} Nothing was done again."),
    ),
    (
        errors.FlowExpiredError,
        Problem(400, "This sign-in took too long", f"{_OVER} Begin again, and nothing is lost."),
    ),
    (
        errors.InvalidRedirectError,
        Problem(
            400,
            "The answer cannot be read",
            "What your browser brought back from SeeClickFix is incomplete or damaged, so it was "
            "not used.",
        ),
    ),
    (
        errors.InvalidGrantError,
        Problem(
            400,
            "This sign-in is over",
            f"{_OVER} SeeClickFix no longer accepts this one.",
        ),
    ),
    (errors.InvalidClientError, _MISCONFIGURED),
    (errors.InvalidScopeError, _MISCONFIGURED),
    (errors.UnauthorizedClientError, _MISCONFIGURED),
    (errors.UnsupportedFlowError, _MISCONFIGURED),
    (errors.InvalidArgumentError, _MISCONFIGURED),
    (errors.ClientStateError, _MISCONFIGURED),
    (
        errors.RateLimitedError,
        Problem(
            503,
            "Many people are signing in",
            "SeeClickFix lets only so many in at a time. Try again in a minute.",
        ),
    ),
    (errors.ProviderUnavailableError, _UNREACHABLE),
    (errors.TransportError, _UNREACHABLE),
    (errors.ServerError, _UNREACHABLE),
    (errors.DecodeError, _UNREACHABLE),
    (SeeClickFixError, _UNKNOWN),
)


def problem_for(error: SeeClickFixError) -> Problem:
    """What to tell a person of an error: none of the error's own words, which are a developer's."""
    return next(problem for kind, problem in _PROBLEMS if isinstance(error, kind))
