"""Construction of a client, and arguments that are refused before sending."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seeclickfix_async
from seeclickfix_async import AsyncClient, Retry
from seeclickfix_async._core.credentials import normalize_base_url
from seeclickfix_async.errors import InvalidArgumentError


@pytest.mark.parametrize(
    "base_url",
    [
        "seeclickfix.com",
        "ftp://seeclickfix.com",
        "https://",
        "https:///api/v2",
        "",
        "https://user:pass@seeclickfix.com",
        "https://seeclickfix.com/?a=1",
        "https://seeclickfix.com/#a",
        "https://seeclickfix.com:port",
        "https://see clickfix.com",
        "http://[x",
        "http://[::p]:8",
        "https://a[b]/",
        "https://a:0/",
        "https://a:99999",
        "https://a?",
        "https://a#",
        None,
        7,
    ],
)
def test_an_invalid_base_url_is_refused(base_url: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient(base_url=base_url)

    assert caught.value.argument == "base_url"
    assert "pass" not in str(caught.value)


_ADDRESSES = st.text() | st.text("htps:/[]@?#%.0123456789a ").map(lambda rest: f"https://{rest}")


@given(_ADDRESSES)
def test_any_base_url_is_normalized_or_refused(base_url: str) -> None:
    with suppress(InvalidArgumentError):
        site = normalize_base_url(base_url)
        assert normalize_base_url(site) == site
        assert not site.endswith("/")
        assert AsyncClient(base_url=base_url)


@given(st.text(), st.text())
@pytest.mark.filterwarnings("ignore::seeclickfix_async.TokenExpiryWarning")
def test_any_credential_is_accepted_or_refused(first: str, second: str) -> None:
    for options in ({"token": first}, {"auth": (first, second)}, {"contact": first}):
        with suppress(InvalidArgumentError):
            assert AsyncClient(**options)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"token": "a", "auth": ("a", "b")}, "auth"),
        ({"auth": ("a:b", "c")}, "auth"),
        ({"auth": ("a", "\udcff")}, "auth"),
        ({"auth": ("\ud800", "c")}, "auth"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"max_wait": -1}, "max_wait"),
        ({"user_agent": "a\nb"}, "user_agent"),
        ({"contact": "me at home"}, "contact"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient(**options)

    assert caught.value.argument == argument


@pytest.mark.parametrize("options", [{"attempts": 0}, {"total": -1}, {"base": "1"}])
def test_an_invalid_retry_policy_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        Retry(**options)


def test_a_client_takes_its_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEECLICKFIX_TOKEN", raising=False)
    with pytest.raises(InvalidArgumentError, match="SEECLICKFIX_TOKEN"):
        AsyncClient.from_env()

    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment\n")
    client = AsyncClient.from_env(timeout=5)

    assert "with a credential" in repr(client)
    assert "with no credential" in repr(AsyncClient())


def test_a_token_is_not_replaced_by_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment")

    with pytest.raises(InvalidArgumentError, match="Pass yours to AsyncClient") as caught:
        AsyncClient.from_env(token="of-a-user")  # type: ignore[arg-type]  # from untyped code

    assert "of-a-user" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"base_url": "https://other.example"}])
def test_a_client_without_a_token_takes_its_site_from_the_environment(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment")
    monkeypatch.setenv("SEECLICKFIX_BASE_URL", "https://test.example")

    client = AsyncClient.from_env(token=None, **options)

    assert "with no credential" in repr(client)
    assert client.base_url == options.get("base_url", "https://test.example")


@pytest.mark.anyio
@pytest.mark.parametrize("options", [{}, {"base_url": "https://TEST.example:443"}])
async def test_the_token_of_the_environment_is_sent_to_its_site(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment")
    monkeypatch.setenv("SEECLICKFIX_BASE_URL", "https://test.example/api/v2")
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"id": 7})

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
        await AsyncClient.from_env(http=http, **options).issues.get(7)

    assert sent[0].url.host == "test.example"
    assert sent[0].headers["Authorization"] == "Bearer from-the-environment"


@pytest.mark.parametrize(
    "base_url", ["https://seeclickfix.com", "https://test.example:8443", "http://test.example"]
)
def test_the_token_of_the_environment_is_for_no_other_site(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment")
    monkeypatch.setenv("SEECLICKFIX_BASE_URL", "https://test.example")

    with pytest.raises(InvalidArgumentError, match="another site") as caught:
        AsyncClient.from_env(base_url=base_url)

    assert "from-the-environment" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SEECLICKFIX_TOKEN", "two words"),
        ("SEECLICKFIX_BASE_URL", "seeclickfix.com"),
        ("SEECLICKFIX_BASE_URL", "http://test.example"),
    ],
)
def test_an_invalid_value_of_the_environment_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEECLICKFIX_TOKEN", "from-the-environment")
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient.from_env()

    assert caught.value.argument == variable
    assert "two words" not in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("id", [0, -1, True, "7.0", 7.0, None, 2**63])
async def test_an_invalid_id_is_refused(id: Any) -> None:
    client = AsyncClient()
    for call in (client.issues.get, client.issues.comments, client.places.get):
        with pytest.raises(InvalidArgumentError):
            await call(id)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "argument"),
    [
        ("get", "/issues", "method"),
        ("GET /x", "/issues", "method"),
        ("GET", "/../admin", "path"),
        ("GET", "/issues/./7", "path"),
        ("GET", "//evil.example/", "path"),
        ("GET", "ftp://evil.example/", "path"),
        ("GET", "/a b", "path"),
        ("GET", "/a\r\nX: y", "path"),
        ("GET", None, "path"),
    ],
)
async def test_an_invalid_request_is_refused(method: str, path: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await AsyncClient().request(method, path)

    assert caught.value.argument == argument


@pytest.mark.parametrize(("page", "limit"), [(0, None), (1, 0), (True, None)])
def test_an_invalid_page_or_limit_is_refused(page: int, limit: int | None) -> None:
    with pytest.raises(InvalidArgumentError):
        AsyncClient().issues.list(page=page).collect(limit).send(None)


@pytest.mark.parametrize("concurrency", [0, 33, True])
def test_an_invalid_concurrency_is_refused(concurrency: int) -> None:
    with pytest.raises(InvalidArgumentError):
        AsyncClient().issues.crawl(concurrency=concurrency)


def test_all_public_names_can_be_imported() -> None:
    for name in seeclickfix_async.__all__:
        assert getattr(seeclickfix_async, name) is not None
    assert set(seeclickfix_async.__all__) <= set(dir(seeclickfix_async))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = seeclickfix_async.nothing
