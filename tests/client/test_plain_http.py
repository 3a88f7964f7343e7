"""Credentials are not sent over plain http, except to this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seeclickfix_async import AsyncClient, errors
from seeclickfix_async.oauth import Application
from tests.support.http_backends import ISSUE, TOKEN, HTTPBackend
from tests.support.tokens import make_token

pytestmark = pytest.mark.anyio

_LOOPBACK = [
    "http://127.0.0.1:3000",
    "http://127.0.0.2",
    "http://127.255.255.254/",
    "http://[::1]:3000",
    "http://localhost:3000",
    "HTTP://LOCALHOST",
    "https://city.example",
]
_INSECURE = [
    "http://city.example",
    "HTTP://city.example",
    "http://10.0.0.7:3000",
    "http://128.0.0.1",
    "http://0.0.0.0:3000",
    "http://[::]:3000",
    "http://[fd00::1]",
    "http://localhost.example",
    "http://localhost.",
    "http://127.0.0.1.example",
    "http://127.0.0.1.",
    "http://2130706433",
    "http://0177.0.0.1",
]


class _Source:
    """A token source that must not be asked."""

    async def current(self) -> Any:
        raise AssertionError

    async def replaced(self, refused: Any) -> bool:
        raise AssertionError


def _with_auth(**options: Any) -> AsyncClient:
    return AsyncClient(auth=("me@b.example", "password-1"), **options)


_CLIENTS: dict[str, Callable[..., AsyncClient]] = {
    "token": lambda **options: AsyncClient(TOKEN, **options),
    "Token": lambda **options: AsyncClient(make_token(0), **options),
    "source": lambda **options: AsyncClient(_Source(), **options),
    "auth": _with_auth,
    "view": lambda **options: AsyncClient(**options).with_options(token=TOKEN),
}


@pytest.mark.parametrize("base_url", _INSECURE)
@pytest.mark.parametrize("kind", _CLIENTS)
def test_a_credential_is_refused(base_url: str, kind: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="plain http") as caught:
        _CLIENTS[kind](base_url=base_url)

    assert caught.value.argument == "base_url"
    assert caught.value.code == "insecure_http"
    assert "allow_insecure_http=True" in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("base_url", _LOOPBACK)
async def test_a_credential_is_sent_to_this_machine(backend: HTTPBackend, base_url: str) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))

    await AsyncClient(TOKEN, base_url=base_url, http=http, limiter=None).issues.get(7)

    assert backend.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("base_url", _INSECURE[:-1])  # httpx refuses the last one
async def test_a_credential_is_sent_if_that_is_allowed(backend: HTTPBackend, base_url: str) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))
    client = AsyncClient(
        base_url=base_url, http=http, limiter=None, allow_insecure_http=True
    ).with_options(token=TOKEN)

    await client.issues.get(7)

    assert backend.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_public_data_can_be_read(backend: HTTPBackend) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))
    client = AsyncClient(base_url="http://city.example", http=http, limiter=None)

    assert (await client.issues.get(7)).id == 7
    assert (await client.with_options(timeout=5, token=None).issues.get(7)).id == 7


@pytest.mark.parametrize("options", [{"auth": ("me", "x")}, {"headers": {"AUTHORIZATION": "x"}}])
def test_a_credential_of_the_callers_client_is_refused(
    backend: HTTPBackend, options: dict[str, Any]
) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)), **options)
    with pytest.raises(errors.InvalidArgumentError, match="plain http"):
        AsyncClient(base_url="http://city.example", http=http)

    AsyncClient(base_url="http://127.0.0.3", http=http)
    AsyncClient(base_url="http://city.example", http=http, allow_insecure_http=True)


async def test_a_credential_in_a_header_is_refused(backend: HTTPBackend) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))
    client = AsyncClient(base_url="http://city.example", http=http, limiter=None)

    with pytest.raises(errors.InvalidArgumentError, match="plain http"):
        await client.request("GET", "/issues/7", headers={"authorization": "Bearer x"})

    assert backend.requests == []


@pytest.mark.parametrize("allow", [True, False])
async def test_a_redirect_to_plain_http_gets_no_credential(
    backend: HTTPBackend, allow: bool
) -> None:
    moved = backend.response(302, location="http://city.example/api/v2/issues/7")
    http = backend.client(backend.scripted(moved, backend.response(body=ISSUE)))
    client = AsyncClient(
        TOKEN, base_url="https://city.example", http=http, limiter=None, allow_insecure_http=allow
    )

    await client.issues.get(7)

    assert "authorization" not in backend.requests[1].headers


@pytest.mark.parametrize("base_url", _INSECURE)
def test_codes_and_secrets_are_never_sent_to_an_insecure_provider(base_url: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="https"):
        Application("app", "https://app.example/callback", "the-secret", base_url)


@pytest.mark.parametrize("base_url", _LOOPBACK)
def test_a_provider_on_this_machine_is_accepted(base_url: str) -> None:
    assert Application("app", "https://app.example/callback", "the-secret", base_url)
