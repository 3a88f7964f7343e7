"""Requests to the token endpoint, and its responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import attrs
import httpx
import msgspec
import pytest

from seeclickfix_async import TokenEndpoint, errors
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import AuthorizationCode, Token
from tests.support.canaries import Canaries
from tests.support.tokens import APP, NO_WAIT, NOW, SITE, make_token

pytestmark = pytest.mark.anyio

_CODE = AuthorizationCode(Secret("the-code"), "https://app.example/callback", Secret("v" * 43))
_TOKEN_RESPONSE = {
    "access_token": "a",
    "token_type": "bearer",
    "expires_in": "3600",
    "scope": "x y",
}


def _endpoint(response: httpx.Response | Exception, requests: list[httpx.Request]) -> TokenEndpoint:
    def serve(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(response, Exception):
            raise response
        return response

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)


async def test_exchange_sends_a_form_with_the_client_secret() -> None:
    requests: list[httpx.Request] = []

    token = await _endpoint(httpx.Response(200, json=_TOKEN_RESPONSE), requests).exchange(_CODE)

    assert token == Token(Secret("a"), "bearer", 3600.0, ("x", "y"), NOW)
    assert str(requests[0].url) == f"{SITE}/oauth/token"
    assert "authorization" not in requests[0].headers
    assert parse_qs(requests[0].content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": ["https://app.example/callback"],
        "code_verifier": ["v" * 43],
        "client_id": ["app"],
        "client_secret": ["the-secret"],
    }


async def test_refresh_keeps_the_fields_that_the_response_leaves_out() -> None:
    response = httpx.Response(200, json={"access_token": "new", "token_type": "Bearer"})

    token = await _endpoint(response, []).refresh(make_token(0))

    assert (token.access_token, token.refresh_token) == (Secret("new"), Secret("refresh-0"))
    assert (token.scope, token.expires_in) == (("public",), None)


async def test_a_token_without_a_refresh_token_is_not_sent() -> None:
    requests: list[httpx.Request] = []
    token = Token(Secret("a"), "Bearer", None, None, NOW)

    with pytest.raises(errors.InvalidArgumentError, match="no refresh token"):
        await _endpoint(httpx.Response(200), requests).refresh(token)

    assert requests == []


async def test_a_token_is_revoked_even_if_its_first_use_fails() -> None:
    paths: list[str] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        match request.url.path:
            case "/oauth/token":
                return httpx.Response(200, json=_TOKEN_RESPONSE)
            case "/oauth/revoke":
                return httpx.Response(200, json={})
        return httpx.Response(404)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)

    await endpoint.revoke(make_token(0, age=8000))

    assert paths == ["/oauth/token", "/oauth/token/info", "/oauth/revoke"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "two\r\nlines"}, "access_token"),
        ({"access_token": ["a"]}, "access_token"),
        ({"token_type": "mac"}, "token_type"),
        ({"token_type": None}, "token_type"),
        ({"refresh_token": 7}, "refresh_token"),
        ({"scope": ["x"]}, "scope"),
    ],
)
async def test_an_invalid_field_of_a_token_response_is_reported(
    change: dict[str, Any], path: str
) -> None:
    with pytest.raises(errors.DecodeError) as caught:
        await _endpoint(httpx.Response(200, json=_TOKEN_RESPONSE | change), []).exchange(_CODE)

    assert caught.value.path == path
    assert caught.value.route == "POST /oauth/token"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"\xff"])
async def test_a_token_response_that_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(errors.DecodeError):
        await _endpoint(httpx.Response(200, content=body), []).exchange(_CODE)


@pytest.mark.parametrize("value", [-1, 0, "x", None, True, 10**30, [3600], "nan", "inf"])
async def test_an_implausible_lifetime_is_ignored(value: object) -> None:
    response = httpx.Response(200, json=_TOKEN_RESPONSE | {"expires_in": value})

    assert (await _endpoint(response, []).exchange(_CODE)).expires_at is None


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid_grant", 400, errors.InvalidGrantError),
        ("invalid_client", 401, errors.InvalidClientError),
        ("invalid_scope", 400, errors.InvalidScopeError),
        ("unauthorized_client", 403, errors.UnauthorizedClientError),
        ("unsupported_grant_type", 400, errors.UnsupportedFlowError),
        ("temporarily_unavailable", 503, errors.ProviderUnavailableError),
        ("something_new", 400, errors.AuthorizationError),
    ],
)
async def test_each_error_code_of_the_provider_has_an_exception(
    code: str, status: int, kind: type[errors.AuthorizationError]
) -> None:
    body = {"error": code, "error_description": "Its own\nwords."}

    with pytest.raises(errors.AuthorizationError) as caught:
        await _endpoint(httpx.Response(status, json=body), []).exchange(_CODE)

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.description) == (code, "Its own words.")


_ECHOES: list[Callable[[str], httpx.Response]] = [
    lambda form: httpx.Response(400, json={"error": "invalid_grant", "error_description": form}),
    lambda form: httpx.Response(400, json={"error": form[:90]}),
    lambda form: httpx.Response(400, json=[{"description": form}]),
    lambda form: httpx.Response(422, json={"errors": {form: [form]}}),
    lambda form: httpx.Response(500, json={"detail": {"request": [form]}}),
    lambda form: httpx.Response(400, content=b"[" * 900 + msgspec.json.encode(form) + b"]" * 900),
    lambda form: httpx.Response(400, headers={"WWW-Authenticate": f'Bearer error="{form}"'}),
    lambda form: httpx.Response(302, headers={"Location": f"https://{'v' * 43}.example/{form}"}),
    lambda form: httpx.Response(200, content=form.encode()),
    lambda form: httpx.Response(200, json={"token_type": form}),
]


@pytest.mark.parametrize("decode", [str, unquote_plus], ids=["encoded", "decoded"])
@pytest.mark.parametrize("echo", _ECHOES)
async def test_a_response_that_repeats_the_request_is_not_quoted(
    echo: Callable[[str], httpx.Response], decode: Callable[[str], str]
) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        return echo(decode(request.content.decode()))

    canaries = Canaries()
    canaries.hide(_CODE.code, _CODE.verifier, Secret("p@ss w+rd"), Secret("p%40ss+w%2Brd"))
    app = attrs.evolve(APP, client_secret="p@ss w+rd")
    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(app, http=http, limiter=None, retry=NO_WAIT)

    with pytest.raises(errors.SeeClickFixError) as caught:
        await endpoint.exchange(_CODE)

    canaries.show_error(caught.value)
    assert canaries.found == set()
    assert caught.value.requests == (0 if isinstance(caught.value, errors.DecodeError) else 1)


@pytest.mark.parametrize("length", [60, 100])
async def test_a_truncated_token_response_is_not_quoted(length: int) -> None:
    canaries = Canaries()
    canaries.hide(Secret("the-new-access-token"))
    body = b'{"access_token":"the-new-access-token","token_type":"Bearer","refresh_token":"x"}'

    with pytest.raises(errors.DecodeError) as caught:
        await _endpoint(httpx.Response(200, content=body[:length] + b'"'), []).exchange(_CODE)

    canaries.show_error(caught.value)
    assert canaries.found == set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "https://evil.example/"])
async def test_no_redirect_is_followed(status: int, target: str) -> None:
    requests: list[httpx.Request] = []
    endpoint = _endpoint(httpx.Response(status, headers={"Location": target}), requests)

    for call in (endpoint.exchange(_CODE), endpoint.info("token")):
        with pytest.raises(errors.RedirectRefusedError):
            await call

    assert {request.url.path for request in requests} == {"/oauth/token", "/oauth/token/info"}


@pytest.mark.parametrize(
    ("response", "tries"),
    [
        (httpx.ConnectError("refused"), 4),
        (httpx.Response(429, headers={"Retry-After": "0.001"}), 4),
        (httpx.ReadError("broken"), 1),
        (httpx.ReadTimeout("late"), 1),
        (httpx.Response(502), 1),
    ],
)
async def test_a_request_is_only_retried_if_it_had_no_effect(
    response: httpx.Response | Exception, tries: int
) -> None:
    requests: list[httpx.Request] = []
    endpoint = _endpoint(response, requests)

    with pytest.raises(errors.SeeClickFixError):
        await endpoint.exchange(_CODE)

    assert len(requests) == tries


async def test_the_token_info_of_an_older_provider_is_decoded() -> None:
    body = {"resource_owner_id": 1, "scopes": ["public"], "expires_in_seconds": 5}
    endpoint = _endpoint(httpx.Response(200, json=body), [])

    info = await endpoint.info("token")

    assert (info.scope, info.expires_in, info.client_id, info.created_at) == (
        ("public",),
        5.0,
        None,
        None,
    )


@pytest.mark.parametrize("body", [{}, {"application": {"uid": None}}, {"application": "app"}])
async def test_token_information_without_an_application_is_not_trusted(body: object) -> None:
    with pytest.raises(errors.ForeignTokenError):
        await _endpoint(httpx.Response(200, json=body), []).verify("token")


async def test_a_provider_without_token_information_verifies_no_token() -> None:
    with pytest.raises(errors.NotFoundError):
        await _endpoint(httpx.Response(404), []).verify("token")


@pytest.mark.parametrize(
    "call", [TokenEndpoint.info, TokenEndpoint.verify, TokenEndpoint.introspect]
)
@pytest.mark.parametrize("token", ["with a space", "\ud800", "line\n"])
async def test_an_invalid_token_is_not_sent(call: Any, token: str) -> None:
    requests: list[httpx.Request] = []

    with pytest.raises(errors.InvalidArgumentError, match="token"):
        await call(_endpoint(httpx.Response(200), requests), token)

    assert not requests


async def test_introspection_of_a_token_that_never_expires() -> None:
    info = await _endpoint(
        httpx.Response(200, json={"active": True, "exp": 0, "iat": 1_790_000_000}), []
    ).introspect("token")

    assert info.active
    assert info.expires_at is None
    assert info.issued_at is not None


async def test_an_introspection_response_without_a_valid_active_field_is_refused() -> None:
    with pytest.raises(errors.DecodeError) as caught:
        await _endpoint(httpx.Response(200, json={"active": "yes"}), []).introspect("token")

    assert caught.value.path == "active"


async def test_a_closed_endpoint_raises() -> None:
    endpoint = _endpoint(httpx.Response(200), [])
    async with endpoint:
        pass

    with pytest.raises(errors.ClosedClientError):
        await endpoint.exchange(_CODE)
