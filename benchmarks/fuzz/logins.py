"""Parsers of a login: redirected URLs, responses of the provider, and what was stored of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from benchmarks.fuzz.responses import parse_message
from seeclickfix_async import AsyncClient, oauth
from seeclickfix_async._core.credentials import normalize_base_url
from seeclickfix_async._transport.status_errors import status_error
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.oauth._introspection import introspection_from_json, token_info_from_json
from seeclickfix_async.oauth._provider_errors import provider_error
from seeclickfix_async.oauth._token import token_from_json
from seeclickfix_async.tokens._endpoint import _error_fields
from seeclickfix_async.tokens._stores.encoding import decode_token

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_STATE = "state-of-this-login"
_FLOW: dict[str, Any] = {
    "kind": "code",
    "url": "",
    "state": _STATE,
    "verifier": "v" * 43,
    "redirect_uri": "https://app.example/callback",
    "scope": [],
    "issuer": None,
    "created_at": _NOW.timestamp(),
    "max_age": 600.0,
}


def parse_callback(content: bytes) -> None:
    """Finish a login of each flow with a redirected URL."""
    url = content.decode("utf-8", "surrogateescape")
    for kind in ("code", "implicit"):
        flow = oauth.Flow.from_dict({**_FLOW, "kind": kind})
        with suppress(SeeClickFixError):
            assert oauth.finish(flow, url, now=lambda: _NOW) is not None


def read_token_response(content: bytes) -> None:
    """Read a response as a token, as token information, as an introspection and as an error."""
    response = parse_message(content)
    for parse in (_token, token_info_from_json, introspection_from_json, _provider_error):
        with suppress(SeeClickFixError):
            assert isinstance(repr(parse(response.json())), str)
    with suppress(SeeClickFixError):
        assert isinstance(repr(_provider_error(getattr(status_error(response), "body", None))), str)


def _token(body: Any) -> oauth.Token:
    token = token_from_json(body, now=_NOW)
    assert token.expires_at is None or token.expires_at > _NOW
    return oauth.Token.from_dict(token.to_dict())


def _provider_error(body: Any) -> Exception | None:
    code, description = _error_fields(body)
    return None if code is None else provider_error(code, description)


def load_flow(content: bytes) -> None:
    """Load a stored flow, and finish it."""
    stored = _parse_json(content)
    flow = oauth.Flow.from_dict({**_FLOW, **stored} if isinstance(stored, dict) else stored)
    assert oauth.Flow.from_dict(flow.to_dict()) == flow
    oauth.finish(flow, f"?code=c&state={_STATE}", now=lambda: _NOW)


def load_token(content: bytes) -> None:
    """Load a stored token."""
    token = decode_token(content)
    assert token is not None
    assert isinstance(token.expired(_NOW), bool)
    assert oauth.Token.from_dict(token.to_dict()) == token


def parse_application(content: bytes) -> None:
    """Make an application of four lines, and begin a login."""
    client_id, redirect_uri, base_url, secret = _lines(content, 4)
    app = oauth.Application(client_id, redirect_uri, secret or None, base_url)
    assert oauth.begin(app, scope=secret).url.isascii()


def parse_credentials(content: bytes) -> None:
    """Make a client with a pasted token or password of one line, and an address of another."""
    first, second = _lines(content, 2)
    makers: tuple[Callable[[], object], ...] = (
        lambda: AsyncClient(first),
        lambda: AsyncClient(auth=(first, second)),
        lambda: AsyncClient(base_url=first, user_agent=second),
        lambda: AsyncClient(contact=second),
        lambda: normalize_base_url(normalize_base_url(first)),
    )
    for make in makers:
        with suppress(SeeClickFixError):
            make()


def _lines(content: bytes, count: int) -> list[str]:
    """Return this number of lines; the last one may be longer."""
    lines = content.decode("utf-8", "surrogateescape").split("\n", count - 1)
    return lines + [""] * (count - len(lines))


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
