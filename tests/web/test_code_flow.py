"""The code flow of a login, and its cookie."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.web import _pending_login
from tests.support.login_browser import (
    CALLBACK,
    CODE,
    TOKEN,
    Browser,
    Provider,
    visible,
    visited,
)
from tests.support.login_site import KEY

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_a_login_ends_with_the_token_and_the_next_path(framework: type[Starlette]) -> None:
    provider = Provider()
    async with visited(provider, scope="public write", framework=framework) as (site, browser):
        state = await browser.begin("/login?next=/issues/7%3Fpage%3D2")
        response = await browser.return_with(state)

    assert (response.status_code, response.headers["Location"]) == (303, "/issues/7?page=2")
    assert [token.access_token.reveal() for token in site.tokens] == [TOKEN]
    (request,) = provider.requests
    assert request["code"] == [CODE]
    assert request["redirect_uri"] == [CALLBACK]
    assert len(request["code_verifier"][0]) == 43


async def test_a_site_can_add_parameters_to_its_logins() -> None:
    async with visited(extra={"scf_login": "true"}) as (_, browser):
        location = (await browser.http.get("/login")).headers["Location"]

    assert parse_qs(urlsplit(location).query)["scf_login"] == ["true"]
    with pytest.raises(InvalidArgumentError, match="extra"):
        async with visited(extra={"state": "mine"}):
            pass


async def test_the_attributes_of_the_cookie() -> None:
    async with visited() as (_, browser):
        first = (await browser.http.get("/login")).headers["Set-Cookie"]
        second = (await browser.http.get("/login")).headers["Set-Cookie"]
        state = await browser.begin()

        assert "; ".join(sorted(first.split("; ")[1:])) == (
            "HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure"
        )
        assert re.match(r"__Host-scf-login-[0-9a-f]{16}=", first)
        assert first.partition("=")[0] != second.partition("=")[0]
        assert len(first) < 1000
        assert state not in str(browser.http.cookies)


async def test_the_cookie_without_https() -> None:
    async with visited(redirect_uri="http://127.0.0.1:8899/callback") as (_, browser):
        cookie = (await browser.http.get("/login")).headers["Set-Cookie"]

    assert cookie.startswith("scf-login-")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


async def test_the_callback_deletes_the_cookie() -> None:
    async with visited() as (_, browser):
        state = await browser.begin()
        response = await browser.return_with(state)

        assert "Max-Age=0" in response.headers["Set-Cookie"]
        assert "Secure" in response.headers["Set-Cookie"]
        assert not browser.http.cookies


async def test_two_logins_of_one_browser_at_once() -> None:
    async with visited() as (site, browser):
        one, two = await browser.begin("/login?next=/1"), await browser.begin("/login?next=/2")
        responses = [await browser.return_with(state) for state in (one, two)]

    assert [response.headers["Location"] for response in responses] == ["/1", "/2"]
    assert len(site.tokens) == 2


def _ticking() -> Callable[[], datetime]:
    """Return a clock that goes on by a second with each reading."""
    seconds = itertools.count()
    return lambda: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))


async def test_the_number_of_cookies_is_limited() -> None:
    async with visited(now=_ticking()) as (_, browser):
        states = [await browser.begin() for _ in range(20)]

        assert len(browser.http.cookies) == 8
        assert (await browser.return_with(states[0])).status_code == 400
        assert (await browser.return_with(states[-1])).status_code == 303
        assert (await browser.return_with(states[-8])).status_code == 303


def _random_path(length: int) -> str:
    """Return a path that cannot be compressed."""
    return "/" + secrets.token_urlsafe(length)[: length - 1]


@pytest.mark.parametrize("length", [1, 300, 1000])
@pytest.mark.parametrize("others", [0, 3000, 9000])
async def test_the_size_of_all_cookies_is_limited(length: int, others: int) -> None:
    """Browsers drop a long cookie, and servers refuse a long header."""
    async with visited() as (site, browser):
        if others:
            browser.http.cookies.set("other", "x" * others, domain="app.example")
        for _ in range(20):
            path = _random_path(length)
            response = await browser.http.get(f"/login?next={path}")
            state = parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]
            sent = browser.http.build_request("GET", "/").headers["Cookie"]
            assert max(map(len, response.headers.get_list("Set-Cookie"))) <= 4096
            assert len(sent) <= max(8000, others + 3000)
        finished = await browser.return_with(state)

    assert finished.headers["Location"] == path
    assert len(site.tokens) == 1


@pytest.mark.parametrize(
    "name", ["__Host-scf-login-0123456789abcdef", "__Host-scf-login-", "__Host-scf-login-a/b@c"]
)
async def test_a_cookie_under_the_name_of_another_is_ignored(name: str) -> None:
    """A sibling domain can set cookies of any name, with a value that it received itself."""
    async with visited(now=_ticking()) as (_, browser):
        states = [await browser.begin() for _ in range(8)]
        value = next(iter(browser.http.cookies.values()))
        sent = browser.http.build_request("GET", "/").headers["Cookie"]
        hostile = f'{sent}; =; =;; {name}; é=é; x="\\"; {name}={value}'.encode("latin-1")

        begun = await browser.http.get("/login", headers={b"Cookie": hostile})

        assert begun.status_code == 302
        assert f"{name}=" not in str(begun.headers.get_list("Set-Cookie"))
        assert (await browser.return_with(states[-1])).status_code == 303


async def test_another_browser_cannot_finish_a_login() -> None:
    async with visited() as (site, browser), Browser(site).http as http:
        state = await browser.begin()
        response = await http.get(f"/callback?code={CODE}&state={state}")

        assert response.status_code == 400
        assert "started in another browser" in visible(response)
        assert (await browser.return_with(state)).status_code == 303


async def test_a_response_works_once_even_with_a_saved_cookie() -> None:
    provider = Provider()
    async with visited(provider) as (site, browser):
        state = await browser.begin()
        saved = dict(browser.http.cookies)
        await browser.return_with(state)
        again = await browser.return_with(state)
        browser.http.cookies.update(saved)
        saved_again = await browser.return_with(state)

    assert "has ended" in visible(again)
    assert "finished before" in visible(saved_again)
    assert (again.status_code, saved_again.status_code) == (400, 400)
    assert len(site.tokens) == len(provider.requests) == 1


async def test_a_head_request_does_not_use_up_a_login() -> None:
    async with visited() as (site, browser):
        state = await browser.begin()
        head = await browser.http.head(f"/callback?code={CODE}&state={state}")
        assert (head.status_code, site.tokens) == (200, [])

        assert (await browser.return_with(state)).status_code == 303


async def test_finished_logins_are_forgotten_when_they_expire() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    async with visited(now=lambda: now) as (site, browser):
        finished = site.login._cookies._finished._expiries  # private: memory is not visible
        for minutes in range(30):
            now = datetime(2026, 11, 1, 0, minutes, tzinfo=UTC)
            await browser.return_with(await browser.begin())

    assert len(site.tokens) == 30
    assert len(finished) == 10


async def test_the_number_of_finished_logins_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pending_login, "_MAX_FINISHED", 3)
    async with visited() as (site, browser):
        for _ in range(9):
            await browser.return_with(await browser.begin())

        assert len(site.login._cookies._finished._expiries) == 3  # private, as above


async def test_a_late_response_is_refused() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    async with visited(now=lambda: now, max_age=60) as (site, browser):
        state = await browser.begin()
        now += timedelta(seconds=61)
        response = await browser.return_with(state)

    assert response.status_code == 400
    assert "took too long" in visible(response)
    assert not site.tokens


@pytest.mark.parametrize("forge", [lambda text: text[:-1] + "x" * 2, lambda _: "e30.nothing"])
async def test_a_forged_cookie_is_refused(forge: Callable[[str], str]) -> None:
    async with visited() as (site, browser):
        state = await browser.begin()
        ((name, value),) = browser.http.cookies.items()
        browser.http.cookies.set(name, forge(value), domain="app.example")
        response = await browser.return_with(state)

    assert response.status_code == 400
    assert not site.tokens


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (KEY, ["new" * 20, KEY], 303),
        (["new" * 20, KEY], "new" * 20, 303),
        (KEY, "new" * 20, 400),
    ],
)
async def test_keys_can_be_changed(before: Any, after: Any, status: int) -> None:
    async with (
        visited(secret_key=before) as (_, old),
        visited(secret_key=after) as (_, new),
    ):
        state = await old.begin()
        new.http.cookies.update(old.http.cookies)

        assert (await new.return_with(state)).status_code == status


async def test_a_cookie_of_another_application_is_refused() -> None:
    elsewhere = "https://app.example/elsewhere/callback"
    async with visited() as (_, one), visited(redirect_uri=elsewhere) as (site, other):
        state = await one.begin()
        other.http.cookies.update(one.http.cookies)

        assert (await other.return_with(state)).status_code == 400
        assert not site.tokens


async def test_mounted_routes_behind_a_proxy() -> None:
    address = "https://app.example/auth/seeclickfix"
    async with visited(redirect_uri=address, mount="/auth") as (site, _):
        behind = Browser(site, "http://10.0.0.7:8000")
        async with behind.http:
            response = await behind.http.get("/auth/login")
            state = parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]
            cookie = response.headers["Set-Cookie"].partition(";")[0]
            behind.http.headers["Cookie"] = cookie  # the proxy has https, this side has not
            response = await behind.return_with(state, "/auth/seeclickfix")

    assert response.status_code == 303
