"""A login with all its checks, against the URL building and parsing of oauthlib alone.

Our side also generates the state and the challenge; oauthlib's side is passed them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oauthlib.oauth2 import MobileApplicationClient, WebApplicationClient

from benchmarks.measure import Ratio, cost, paired
from seeclickfix_async import oauth

_CALLBACK = "https://app.example/callback"
_APP = oauth.Application("client-id", _CALLBACK, "client-secret")
_AUTHORIZE_URL = "https://seeclickfix.com/oauth/authorize"
_SCOPE: list[Any] = ["public", "write"]
_STATE = oauth.generate_state()


def _code() -> object:
    flow = oauth.begin(_APP, scope=_SCOPE)
    state = flow.state.reveal()
    return oauth.finish(flow, f"{_CALLBACK}?code=0123456789abcdefghijklmnopqrstuv&state={state}")


def _token() -> object:
    flow = oauth.begin(_APP, "implicit", scope=_SCOPE)
    fragment = "access_token=0123456789abcdefghijklmnopqrstuv&token_type=Bearer&expires_in=7200"
    return oauth.finish(flow, f"{_CALLBACK}#{fragment}&state={flow.state.reveal()}")


def _oauthlib_code() -> object:
    client = WebApplicationClient("client-id")
    client.prepare_request_uri(
        _AUTHORIZE_URL,
        redirect_uri=_CALLBACK,
        scope=_SCOPE,
        state=_STATE,
        code_challenge=_STATE,
        code_challenge_method="S256",
    )
    return client.parse_request_uri_response(
        f"{_CALLBACK}?code=0123456789abcdefghijklmnopqrstuv&state={_STATE}", state=_STATE
    )


def _oauthlib_token() -> object:
    client = MobileApplicationClient("client-id")
    client.prepare_request_uri(_AUTHORIZE_URL, redirect_uri=_CALLBACK, scope=_SCOPE, state=_STATE)
    fragment = "access_token=0123456789abcdefghijklmnopqrstuv&token_type=Bearer&expires_in=7200"
    return client.parse_request_uri_response(
        f"{_CALLBACK}#{fragment}&state={_STATE}", state=_STATE, scope=_SCOPE
    )


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    for name, ours, other in (
        ("code", _code, _oauthlib_code),
        ("implicit", _token, _oauthlib_token),
    ):
        value = paired(cost(ours, 300), cost(other, 300), rounds=31)
        yield Ratio(f"begin and finish, {name} flow / oauthlib", value, 1.0)
