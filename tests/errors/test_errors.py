"""The tree of errors: drawn, picklable, and useful."""

from __future__ import annotations

import inspect
import pickle

import pytest

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.errors._counting import counted

_CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, SeeClickFixError)
]

_SAMPLES: list[SeeClickFixError] = [
    errors.InvalidArgumentError("lat", "must be a number."),
    errors.InvalidDraftError({"142": ["How large is it?: is required."]}),
    errors.FileLockedError("to", "city.db", 4711),
    errors.ClosedClientError(),
    errors.EventLoopError(),
    errors.ConnectionFailedError("gone", route="GET /issues"),
    errors.AnswerLostError("gone", route="GET /issues"),
    errors.AnswerTimeoutError("gone", route="GET /issues"),
    errors.IssueMayExistError({"status": "all"}, route="POST /issues"),
    errors.RedirectLoopError("round and round", route="GET /issues"),
    errors.RedirectRefusedError("no", route="POST /oauth/token"),
    errors.ForeignRedirectError("away", origin="https://login.example", route="GET /issues"),
    errors.ResponseTooLargeError(7, route="GET /issues"),
    errors.BadRequestError("no", status=400),
    errors.AuthenticationError("no", status=401, body={"a": 1}),
    errors.PermissionDeniedError("no", status=403),
    errors.BlockedError("no", status=403),
    errors.NotFoundError("no", status=404, route="GET /issues/{id}"),
    errors.ValidationError("no", errors={"lat": ["is bad"]}, status=422),
    errors.RateLimitedError("no", status=429, retry_after=10.0),
    errors.ServerError("no", status=503, headers={"server": "x"}),
    errors.DecodeError("no", path="issues[3].lat"),
    errors.TruncatedResultsError("no", page=11, received=1000, entries=5000),
    errors.InvalidRedirectError("no"),
    errors.StateMismatchError(),
    errors.FlowExpiredError(600.0),
    errors.FlowFinishedError(),
    errors.ReauthorizationRequiredError("user-7", "its token has ended."),
    errors.AuthorizationError("a_new_one", "a text", "advice"),
    errors.AccessDeniedError("access_denied"),
    errors.InvalidClientError("invalid_client"),
    errors.InvalidGrantError("invalid_grant"),
    errors.InvalidScopeError("invalid_scope"),
    errors.UnauthorizedClientError("unauthorized_client"),
    errors.UnsupportedFlowError("unsupported_grant_type"),
    errors.ProviderUnavailableError("server_error"),
    errors.TokenStoreError("no"),
]


def test_the_docstring_draws_every_error() -> None:
    drawn = errors.__doc__ or ""

    assert [cls.__name__ for cls in _CLASSES if cls.__name__ not in drawn] == []


@pytest.mark.parametrize("error", _SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_pickles_with_its_data(error: SeeClickFixError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert type(error).__module__ == errors.__name__  # whichever room of the package it lives in
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_there_is_a_sample_of_every_error() -> None:
    concrete = {cls for cls in _CLASSES if not cls.__subclasses__()}

    assert concrete <= {type(error) for error in _SAMPLES}


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 rows"), (1, "1 row"), (1.0, "1 row"), (0.5, "0.5 rows"), (2000, "2,000 rows")],
)
def test_one_is_no_plural(number: float, words: str) -> None:
    assert counted(number, "row") == words


def test_refusals_of_arguments_are_value_errors() -> None:
    assert issubclass(errors.InvalidArgumentError, ValueError)
    assert issubclass(errors.ClosedClientError, RuntimeError)
