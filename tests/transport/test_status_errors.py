"""Errors for the statuses of responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import Response, errors
from seeclickfix_async._transport.status_errors import field_errors, status_error


def _response(status: int, body: Any = b"", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, content, route="GET /issues")


_ADMIN = {"message": "Request forbidden by administrative rules.", "documentation_url": "http://x"}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (_response(400, {"request": "Unable to parse JSON"}), errors.BadRequestError),
        (_response(405), errors.BadRequestError),
        (_response(408), errors.ServerError),
        (_response(302), errors.BadRequestError),
        (_response(401), errors.AuthenticationError),
        (_response(403), errors.PermissionDeniedError),
        (_response(403, _ADMIN), errors.BlockedError),
        (
            _response(403, b"<p>Request forbidden by administrative rules."),
            errors.BlockedError,
        ),
        (_response(404), errors.NotFoundError),
        (_response(422, {"email": "Can't be blank."}), errors.ValidationError),
        (_response(429, _ADMIN, retry_after="10"), errors.RateLimitedError),
        (_response(500, b"<html>Server Error</html>"), errors.ServerError),
        (_response(503), errors.ServerError),
    ],
)
def test_each_status_has_its_error(response: Response, kind: type[errors.StatusError]) -> None:
    error = status_error(response)

    assert type(error) is kind
    assert error is not None
    assert error.status == response.status
    assert error.route == "GET /issues"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 304])
def test_a_success_has_no_error(status: int) -> None:
    assert status_error(_response(status)) is None


@pytest.mark.parametrize(
    ("body", "fields"),
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
def test_all_forms_of_a_422_are_read(body: Any, fields: dict[str, list[str]]) -> None:
    assert field_errors(body) == fields


def test_a_quoted_message_ends_with_one_full_stop() -> None:
    error = status_error(_response(422, {"email": "Can't be blank.", "base": ["No.", "Never"]}))

    assert str(error) == (
        "422 for GET /issues. The service refused: email: Can't be blank; base: No, Never."
    )


def test_a_404_names_the_issue_but_no_person() -> None:
    def message(route: str, path: str) -> str:
        return str(status_error(Response(404, {}, b"", f"https://seeclickfix.com{path}", route)))

    assert "Issue 7 does not" in message("GET /issues/{id}", "/api/v2/issues/7?details=true")
    assert "Issue 7 does not" in message("POST /issues/{id}/comments", "/api/v2/issues/7/comments")
    assert "It does not exist" in message("GET /users/{id}", "/api/v2/users/7")
    assert "It does not exist" in message("GET /issues/{id}", "/elsewhere/7")


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("GET /issues", "Check base_url"),
        ("GET /api/v2/nothing", "Check base_url"),
        ("GET /issues/{id}", "does not exist, or"),
        ("GET a photo", "does not exist, or"),
    ],
)
def test_a_404_for_a_collection_advises_to_check_the_base_url(route: str, words: str) -> None:
    assert words in str(status_error(Response(404, {}, b"", route=route)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.integers(100, 599), _JSON | st.binary())
def test_any_response_is_a_success_or_has_an_error(status: int, body: Any) -> None:
    error = status_error(_response(status, body))

    assert (error is None) == (200 <= status < 300 or status == 304)


@pytest.mark.parametrize(
    ("description", "reason", "words"),
    [
        ("The access token expired", "expired", "The access token expired."),
        ("The access token was revoked", "revoked", "The access token was revoked."),
        ("The access token is invalid", "invalid", "The access token is invalid."),
        ("Something new", "", "does not know who you are"),
    ],
)
def test_a_401_has_the_reason_of_the_refusal(description: str, reason: str, words: str) -> None:
    challenge = f'Bearer error="invalid_token", error_description="{description}"'

    error = status_error(_response(401, **{"www-authenticate": challenge}))

    assert isinstance(error, errors.AuthenticationError)
    assert error.reason == reason
    assert words in str(error)


@pytest.mark.parametrize(
    ("body", "anonymous", "reason", "words"),
    [
        (_ADMIN, True, "blocked", "refuses this client as a whole"),
        ({"message": "No."}, True, "anonymous", "not signed in"),
        ({"message": "No."}, False, "account", "account may not do this"),
    ],
)
def test_a_403_has_a_reason(body: Any, anonymous: bool, reason: str, words: str) -> None:
    error = status_error(_response(403, body), anonymous=anonymous)

    assert isinstance(error, errors.PermissionDeniedError)
    assert error.reason == reason
    assert words in str(error)


_PAGES = {
    "Cloudflare": [
        _response(403, b"<!DOCTYPE html><title>Just a moment...</title>", cf_mitigated="challenge"),
        _response(403, b"<html>Sorry, you have been blocked", server="cloudflare"),
        _response(503, b'<html><script src="/cdn-cgi/challenge-platform/h/b">'),
        _response(429, b"<html>", cf_mitigated="challenge"),
    ],
    "Akamai": [
        _response(403, b"<HTML><H1>Access Denied</H1>", server="AkamaiGHost"),
        _response(403, b"<HTML>https://errors.edgesuite.net/18.a1"),
    ],
    "Imperva": [
        _response(403, b"<html>Request unsuccessful.", x_cdn="Imperva"),
        _response(503, b"<html>Request unsuccessful. Incapsula incident ID: 7"),
    ],
    "AWS WAF": [
        _response(202, b"", x_amzn_waf_action="challenge"),
        _response(405, b"", x_amzn_waf_action="captcha"),
        _response(403, b"<html><center>403 Forbidden", server="awselb/2.0"),
    ],
}


@pytest.mark.parametrize(
    ("network", "response"), [(name, page) for name, pages in _PAGES.items() for page in pages]
)
def test_a_page_that_checks_for_a_browser_is_a_challenge(network: str, response: Response) -> None:
    error = status_error(response, anonymous=True)

    assert type(error) is errors.ChallengeError
    assert (error.status, error.code) == (response.status, "browser_challenge")
    assert network in str(error)
    assert "not signed in" not in str(error)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (_response(403, _ADMIN, server="cloudflare"), "blocked"),
        (_response(403, b"<html>administrative rules", server="cloudflare"), "blocked"),
        (_response(403, {"message": "No."}, server="cloudflare"), "permission_denied"),
        (_response(403, b"", server="cloudflare"), "permission_denied"),
        (_response(403, b"<html>No."), "permission_denied"),
        (_response(503, b"<html>Maintenance", server="cloudflare"), "service_failed"),
        (_response(521, b"<html>challenge", server="cloudflare"), "service_failed"),
    ],
)
def test_a_refusal_of_the_service_behind_a_network_is_no_challenge(
    response: Response, code: str
) -> None:
    error = status_error(response)

    assert error is not None
    assert error.code == code


def test_a_429_has_the_seconds_to_wait() -> None:
    error = status_error(_response(429, retry_after="10"))

    assert error is not None
    assert error.retry_after == 10
