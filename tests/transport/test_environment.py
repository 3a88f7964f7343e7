"""Proxies and certificates of the environment: errors name the variable or the proxy."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from anyio.abc import SocketStream

from seeclickfix_async import AsyncClient, Retry, TokenEndpoint, errors
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport import httpx_compat
from seeclickfix_async.oauth import Application, AuthorizationCode
from tests.support.http_backends import HTTPBackend
from tests.support.raw_servers import raw_server

pytestmark = pytest.mark.anyio

_SITE = "https://city.example"
_ONE_ATTEMPT = Retry(attempts=1)
_NAMES = ("HTTP", "HTTPS", "ALL", "NO")
_CREDENTIALS = "me:proxy-password"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in _NAMES:
        monkeypatch.delenv(f"{name}_PROXY", raising=False)
        monkeypatch.delenv(f"{name.lower()}_proxy", raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    httpx_compat._tls_context.cache_clear()
    yield
    httpx_compat._tls_context.cache_clear()


async def _get_issue(site: str, http: Any = None) -> object:
    async with AsyncClient(base_url=site, http=http, limiter=None) as client:
        return await client.issues.get(7)


async def _read_photo(site: str, http: Any = None) -> object:
    async with AsyncClient(base_url=site, http=http, limiter=None) as client:
        return await client.photos.read(f"{site}/photo.png")


async def _exchange_code(site: str, http: Any = None) -> object:
    app = Application("app", "https://app.example/callback", base_url=site)
    async with TokenEndpoint(app, http=http, limiter=None) as endpoint:
        return await endpoint.exchange(AuthorizationCode(Secret("code"), app.redirect_uri, None))


Call = Callable[..., Awaitable[object]]
_CALLS = [_get_issue, _read_photo, _exchange_code]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("NO_PROXY", "[::1]", "invalid entry"),
        ("NO_PROXY", "localhost,fd00::/8", "invalid entry"),
        ("no_proxy", "[::1]:8080", "invalid entry"),
        ("ALL_PROXY", f"socks://{_CREDENTIALS}@127.0.0.1:1080", "not the URL of a proxy"),
        ("all_proxy", f"ftp://{_CREDENTIALS}@127.0.0.1:1080", "not the URL of a proxy"),
        ("HTTPS_PROXY", f"http://{_CREDENTIALS}@127.0.0.1:port", "not the URL of a proxy"),
        ("https_proxy", f"{_CREDENTIALS}@[::1", "not the URL of a proxy"),
        ("ALL_PROXY", f"socks5://{_CREDENTIALS}@127.0.0.1:1080", "requires another package"),
        ("HTTPS_PROXY", f"socks5h://{_CREDENTIALS}@127.0.0.1:1080", "requires another package"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "No such file"),
        ("SSL_CERT_FILE", __file__, "PEM format"),
        ("SSL_CERT_FILE", "/dev/null", "PEM format"),
        ("SSL_CERT_FILE", "/", "cannot be used"),
        ("SSL_CERT_DIR", "/nowhere", "not a folder"),
        ("SSL_CERT_DIR", __file__, "not a folder"),
        ("SSL_CERT_DIR", "/" + "a" * 300, "not a folder"),  # longer than a name may be
        ("SSLKEYLOGFILE", "/nowhere/keys", "No such file"),
    ],
)
@pytest.mark.parametrize("call", _CALLS)
async def test_an_invalid_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, call: Call, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(errors.InvalidEnvironmentError, match=words) as caught:
        await call(_SITE)

    assert caught.value.variable == variable
    assert variable in str(caught.value)
    assert caught.value.__context__ is None  # which would hold the password of the proxy
    assert "proxy-password" not in str(vars(caught.value))
    assert len(str(caught.value)) < 300


async def test_the_valid_setting_beside_an_invalid_one_is_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")  # which SSL_CERT_FILE replaces

    with pytest.raises(errors.InvalidEnvironmentError) as caught:
        await _get_issue(_SITE)

    assert caught.value.variable == "ALL_PROXY"


async def test_a_feed_ends_with_an_invalid_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "[::1]")

    async with AsyncClient(base_url=_SITE, limiter=None) as client:
        with pytest.raises(errors.InvalidEnvironmentError):
            await anext(client.issues.watch())


@pytest.mark.parametrize(
    ("variable", "site"),
    [
        ("HTTP_PROXY", "http://city.example"),
        ("http_proxy", "http://city.example"),
        ("HTTPS_PROXY", _SITE),
        ("ALL_PROXY", _SITE),
    ],
)
@pytest.mark.parametrize("call", [_get_issue, _read_photo])
async def test_a_dead_proxy_is_named(
    monkeypatch: pytest.MonkeyPatch, call: Call, variable: str, site: str
) -> None:
    monkeypatch.setenv(variable, f"http://{_CREDENTIALS}@127.0.0.1:9")

    with pytest.raises(errors.ConnectionFailedError) as caught:
        async with AsyncClient(base_url=site, limiter=None, retry=_ONE_ATTEMPT) as client:
            await (client.issues.get(7) if call is _get_issue else client.photos.read(f"{site}/p"))

    assert f"the proxy 127.0.0.1:9 ({variable}) failed: the server refused it" in str(caught.value)
    assert "proxy settings" in caught.value.advice
    assert "proxy-password" not in str(vars(caught.value))


async def test_a_dead_proxy_of_the_callers_client_is_named(backend: HTTPBackend) -> None:
    proxy = f"http://{_CREDENTIALS}@127.0.0.1:9"
    async with backend.module.AsyncClient(proxy=proxy) as http:
        client = AsyncClient(base_url=_SITE, http=http, limiter=None, retry=_ONE_ATTEMPT)
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await client.issues.get(7)

    assert "the proxy 127.0.0.1:9 failed" in str(caught.value)


async def test_a_proxy_without_a_valid_host_is_no_raw_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{_CREDENTIALS}@[x")  # httpx accepts it

    async with AsyncClient(
        base_url="http://city.example", limiter=None, retry=_ONE_ATTEMPT
    ) as client:
        with pytest.raises(errors.ConnectionFailedError, match="the proxy") as caught:
            await client.issues.get(7)

    assert "proxy-password" not in str(caught.value)


async def test_a_dead_host_is_not_called_a_proxy() -> None:
    async with AsyncClient(
        base_url="http://127.0.0.1:9", limiter=None, retry=_ONE_ATTEMPT
    ) as client:
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await client.issues.get(7)

    assert "proxy" not in str(caught.value)


async def _refuse(stream: SocketStream) -> None:
    await stream.receive()
    await stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("variable", "site"), [("HTTP_PROXY", "http://city.example"), ("HTTPS_PROXY", _SITE)]
)
async def test_a_proxy_that_requires_a_password_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, site: str
) -> None:
    async with raw_server(_refuse) as port:
        monkeypatch.setenv(variable, f"http://{_CREDENTIALS}@127.0.0.1:{port}")
        with pytest.raises(errors.InvalidEnvironmentError) as caught:
            await _get_issue(site)

    assert f"the proxy 127.0.0.1:{port} ({variable}) requires a user name" in str(caught.value)
    assert "proxy-password" not in str(vars(caught.value))


@pytest.mark.parametrize("site", ["http://city.example", _SITE])
async def test_a_proxy_of_the_callers_client_that_requires_a_password_is_named(
    backend: HTTPBackend, site: str
) -> None:
    async with raw_server(_refuse) as port:
        proxy = f"http://127.0.0.1:{port}"
        async with backend.module.AsyncClient(proxy=proxy) as http:
            with pytest.raises(errors.InvalidEnvironmentError) as caught:
                await _get_issue(site, http)

    assert f"the proxy 127.0.0.1:{port} requires a user name" in str(caught.value)


async def test_an_untrusted_certificate_points_to_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: HTTPBackend
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    error = backend.module.ConnectError("made up")
    cause = ssl.SSLCertVerificationError(1, "unable to get local issuer certificate")
    cause.verify_message = "unable to get local issuer certificate"
    error.__cause__ = cause
    http = backend.client(backend.scripted(error))

    client = AsyncClient(base_url=_SITE, http=http, limiter=None, retry=_ONE_ATTEMPT)
    with pytest.raises(errors.ConnectionFailedError, match="SSL_CERT_DIR"):
        await client.issues.get(7)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1080"),
        ("NO_PROXY", "[::1]"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
    ],
)
def test_the_command_line_prints_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    clean = {name: text for name, text in os.environ.items() if "_proxy" not in name.lower()}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "seeclickfix_async._cli",
            "issues",
            "--base-url",
            "http://a.example",
        ],
        env={**clean, "HOME": str(tmp_path), variable: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert variable in ran.stderr
    assert len(ran.stderr.split("\n")) <= 8
    assert "Traceback" not in ran.stderr
