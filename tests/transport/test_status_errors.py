"""From a status to an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import Response, errors
from seeclickfix_async._transport.status_errors import field_errors, status_error


def _answer(status: int, body: Any = b"", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, content, route="GET /issues")


_ADMIN = {"message": "Request forbidden by administrative rules.", "documentation_url": "http://x"}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (_answer(400, {"request": "Unable to parse JSON"}), errors.BadRequestError),
        (_answer(405), errors.BadRequestError),
        (_answer(302), errors.BadRequestError),
        (_answer(401), errors.AuthenticationError),
        (_answer(403), errors.PermissionDeniedError),
        (_answer(403, _ADMIN), errors.BlockedError),
        (_answer(403, b"<h1>Request forbidden by administrative rules.</h1>"), errors.BlockedError),
        (_answer(404), errors.NotFoundError),
        (_answer(422, {"email": "Can't be blank."}), errors.ValidationError),
        (_answer(429, _ADMIN, retry_after="10"), errors.RateLimitedError),
        (_answer(500, b"<html>Server Error</html>"), errors.ServerError),
        (_answer(503), errors.ServerError),
    ],
)
def test_each_refusal_has_its_error(response: Response, kind: type[errors.StatusError]) -> None:
    error = status_error(response)

    assert type(error) is kind
    assert error is not None
    assert error.status == response.status
    assert error.route == "GET /issues"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 304])
def test_a_success_is_no_refusal(status: int) -> None:
    assert status_error(_answer(status)) is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            {"email": "Can't be blank.", "base": "No."},
            {"email": ["Can't be blank."], "base": ["No."]},
        ),
        ({"errors": {"login": "can't be blank."}}, {"login": ["can't be blank."]}),
        ({"errors": {"point": ["blank", "outside"]}}, {"point": ["blank", "outside"]}),
        ({"errors": {"142": ["can't be blank"]}}, {"142": ["can't be blank"]}),
        ({"errors": {"a": ["x"], "documentation_url": "http://x"}}, {"a": ["x"]}),
        ({"errors": ["a", "b"]}, {"base": ["a", "b"]}),
        ({"errors": "all wrong"}, {"base": ["all wrong"]}),
        (None, {}),
        ({}, {}),
    ],
)
def test_the_forms_of_422_become_one(body: Any, found: dict[str, list[str]]) -> None:
    assert field_errors(body) == found


def test_what_the_service_says_keeps_one_full_stop() -> None:
    error = status_error(_answer(422, {"email": "Can't be blank.", "base": ["No.", "Never"]}))

    assert str(error) == (
        "422 for GET /issues. The service refused: email: Can't be blank; base: No, Never."
    )


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("GET /issues", "Check base_url"),
        ("GET /api/v2/nothing", "Check base_url"),
        ("GET /issues/{id}", "no such thing"),
        ("GET a photo", "no such thing"),
    ],
)
def test_a_404_of_a_whole_collection_may_be_another_services(route: str, words: str) -> None:
    assert words in str(status_error(Response(404, {}, b"", route=route)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.integers(100, 599), _JSON | st.binary())
def test_any_answer_is_a_success_or_one_of_our_errors(status: int, body: Any) -> None:
    error = status_error(_answer(status, body))

    assert (error is None) == (200 <= status < 300 or status == 304)


@pytest.mark.parametrize(
    ("says", "reason", "words"),
    [
        ("The access token expired", "expired", "The access token expired."),
        ("The access token was revoked", "revoked", "The access token was revoked."),
        ("The access token is invalid", "invalid", "The access token is invalid."),
        ("Something new", "", "does not know who you are"),
    ],
)
def test_a_401_says_what_is_wrong_with_the_token(says: str, reason: str, words: str) -> None:
    challenge = f'Bearer error="invalid_token", error_description="{says}"'

    error = status_error(_answer(401, **{"www-authenticate": challenge}))

    assert isinstance(error, errors.AuthenticationError)
    assert error.reason == reason
    assert words in str(error)


@pytest.mark.parametrize(
    ("body", "nobody", "reason", "words"),
    [
        (_ADMIN, True, "blocked", "refuses this client as a whole"),
        ({"message": "No."}, True, "nobody", "not signed in"),
        ({"message": "No."}, False, "account", "account may not do this"),
    ],
)
def test_a_403_says_which_of_three_it_is(body: Any, nobody: bool, reason: str, words: str) -> None:
    error = status_error(_answer(403, body), nobody=nobody)

    assert isinstance(error, errors.PermissionDeniedError)
    assert error.reason == reason
    assert words in str(error)


def test_a_429_carries_the_wait() -> None:
    error = status_error(_answer(429, retry_after="10"))

    assert error is not None
    assert error.retry_after == 10
