"""Authorization URLs, and the parsing of redirected URLs of the implicit flow."""

from __future__ import annotations

import pickle
import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import oauth
from seeclickfix_async.errors import (
    AccessDeniedError,
    AuthorizationError,
    InvalidArgumentError,
    InvalidRedirectError,
    InvalidScopeError,
    OAuthError,
    StateMismatchError,
)

_STATE = "S" * 20 + "-the-state-of-this-login"
_TOKEN = "T" * 20 + "-the-access-token"
_CALLBACK = "https://app.example/callback"
_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _fragment(**changes: str) -> str:
    """Return a valid fragment, with changes; an empty value removes the parameter."""
    params = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": "7200", "state": _STATE}
    return urlencode({name: value for name, value in {**params, **changes}.items() if value})


def test_states_are_long_and_unique() -> None:
    states = {oauth.generate_state() for _ in range(100)}

    assert len(states) == 100
    assert {len(state) for state in states} == {43}


def test_the_authorization_url_encodes_all_parameters() -> None:
    url = oauth.authorize_url(
        client_id="app+1",
        redirect_uri="https://app.example/cb?tenant=a&b=c d".replace(" ", "%20"),
        response_type="token",
        state=_STATE,
        scope=["public", "write"],
        base_url="https://test.seeclickfix.com/api/v2/",
    )

    parts = urlsplit(url)
    assert url.startswith("https://test.seeclickfix.com/oauth/authorize?")
    assert parse_qs(parts.query) == {
        "client_id": ["app+1"],
        "redirect_uri": ["https://app.example/cb?tenant=a&b=c%20d"],
        "response_type": ["token"],
        "state": [_STATE],
        "scope": ["public write"],
    }


def test_missing_arguments_are_not_sent() -> None:
    url = oauth.authorize_url("app", _CALLBACK)

    assert set(parse_qs(urlsplit(url).query)) == {"client_id", "redirect_uri", "response_type"}


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a b"}, "client_id"),
        ({"redirect_uri": "/callback"}, "redirect_uri"),
        ({"redirect_uri": "http://app.example/cb"}, "redirect_uri"),
        ({"redirect_uri": "https://app.example/cb#x"}, "redirect_uri"),
        ({"redirect_uri": "https://app.example/c b"}, "redirect_uri"),
        ({"redirect_uri": "https://"}, "redirect_uri"),
        ({"redirect_uri": "https://[::1"}, "redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uri": 7}, "redirect_uri"),
        ({"response_type": "id_token"}, "response_type"),
        ({"state": ""}, "state"),
        ({"state": " " * 20}, "state"),
        ({"state": "short"}, "state"),
        ({"state": "x" * 1001}, "state"),
        ({"state": "line\nbreak" * 3}, "state"),
        ({"scope": "public,write"}, "scope"),
        ({"scope": ["public", 'wr"ite']}, "scope"),
        ({"base_url": "seeclickfix.com"}, "base_url"),
        ({"base_url": "http://seeclickfix.com"}, "base_url"),
        ({"base_url": "https://user@seeclickfix.com"}, "base_url"),
        ({"base_url": "https://seeclickfix.com?x=1"}, "base_url"),
        ({"base_url": "https://seeclickfix.com:port"}, "base_url"),
    ],
)
def test_authorize_url_refuses_invalid_arguments(change: dict[str, object], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        oauth.authorize_url(**{"client_id": "app", "redirect_uri": _CALLBACK, **change})  # type: ignore[arg-type]

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:8000/cb",
        "http://[::1]:9/cb",
        "http://localhost/cb",
        "org.example.app:/cb",
        "urn:ietf:wg:oauth:2.0:oob",
    ],
)
def test_loopback_and_app_redirect_uris_are_accepted(uri: str) -> None:
    assert oauth.authorize_url("app", uri)


@pytest.mark.parametrize(
    "before", ["", "#", f"{_CALLBACK}#", f"{_CALLBACK}?tenant=a&tenant=b#", "?"]
)
def test_a_token_is_parsed_from_a_url_or_fragment(before: str) -> None:
    token = oauth.parse_fragment(
        before + _fragment(scope="public write"), state=_STATE, now=lambda: _NOW
    )

    assert token.access_token.reveal() == _TOKEN
    assert token.token_type == "Bearer"
    assert token.expires_at == _NOW + timedelta(seconds=7200)
    assert token.missing_scopes(["public", "admin"]) == ("admin",)
    assert not token.expired(_NOW + timedelta(seconds=7000))
    assert token.expired(_NOW + timedelta(seconds=7150))


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("7200", 7200),
        ("7200.5", 7200.5),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1e99", None),
        ("nan", None),
    ],
)
def test_an_implausible_lifetime_is_ignored(expires_in: str, seconds: float | None) -> None:
    token = oauth.parse_fragment(_fragment(expires_in=expires_in), state=_STATE)

    assert token.expires_in == seconds
    assert token.expired() is False


@pytest.mark.parametrize(
    ("redirected", "error"),
    [
        (_fragment(state="another-state-than-ours"), StateMismatchError),
        (_fragment(state=""), StateMismatchError),
        (_fragment(state="ä" * 20), StateMismatchError),
        (f"error=access_denied&state={_STATE}", AccessDeniedError),
        (f"{_CALLBACK}?error=access_denied&state={_STATE}", AccessDeniedError),
        (f"error=invalid_scope&error_description=No.&state={_STATE}", InvalidScopeError),
        (f"error=a_new_one&state={_STATE}", AuthorizationError),
        (f"error=access_denied&code=c&state={_STATE}", InvalidRedirectError),
        ("error=access_denied&state=forged-by-somebody", StateMismatchError),
        ("error=access_denied", StateMismatchError),
        (f"{_CALLBACK}?code=abc&state={_STATE}", InvalidRedirectError),
        (_CALLBACK, InvalidRedirectError),
        ("", InvalidRedirectError),
        ("state=" + _STATE, InvalidRedirectError),
        (_fragment() + f"&state={_STATE}", InvalidRedirectError),
        (_fragment() + "&access_token=second", InvalidRedirectError),
        (f"{_CALLBACK}?code=abc#{_fragment()}", InvalidRedirectError),
        (_fragment(access_token="a b"), InvalidRedirectError),
        (_fragment(access_token="line\nbreak"), InvalidRedirectError),
        (_fragment(token_type="mac"), InvalidRedirectError),
        (_fragment(token_type=""), InvalidRedirectError),
        (_fragment() + "&scope=%", InvalidRedirectError),
        (_fragment() + "&scope=%ff", InvalidRedirectError),
        (_fragment() + "&x=" + "y" * 20_000, InvalidRedirectError),
    ],
)
def test_an_invalid_or_foreign_response_is_refused(
    redirected: str, error: type[OAuthError]
) -> None:
    with pytest.raises(error) as caught:
        oauth.parse_fragment(redirected, state=_STATE)

    assert type(caught.value) is error
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for hidden in (_TOKEN, _STATE, "forged-by-somebody", "another-state"):
        assert hidden not in shown
        assert hidden.encode() not in pickle.dumps(caught.value)


def test_a_login_without_a_state_accepts_only_responses_without_one() -> None:
    assert oauth.parse_fragment(_fragment(state=""), state=None).access_token
    with pytest.raises(StateMismatchError):
        oauth.parse_fragment(_fragment(), state=None)
    with pytest.raises(InvalidArgumentError, match="blank"):
        oauth.parse_fragment(_fragment(), state=" ")


def test_the_description_of_the_provider_is_made_printable() -> None:
    redirected = f"error=odd_one&error_description=a%0Ab{'c' * 900}&state={_STATE}"

    with pytest.raises(AuthorizationError) as caught:
        oauth.parse_fragment(redirected, state=_STATE)

    assert caught.value.code == "odd_one"
    assert caught.value.description.startswith("a bccc")
    assert len(caught.value.description) <= 500


@pytest.mark.parametrize("before", [0, 480])
def test_the_description_of_the_provider_does_not_repeat_the_state(before: int) -> None:
    description = f"{'x' * before}+{_STATE}"
    redirected = f"error=odd{_STATE}&error_description={description}&state={_STATE}"

    with pytest.raises(AuthorizationError) as caught:
        oauth.parse_fragment(redirected, state=_STATE)

    assert _STATE[:10] not in f"{caught.value} {vars(caught.value)}"


def test_a_token_does_not_show_its_secret() -> None:
    token = oauth.parse_fragment(_fragment(), state=_STATE)

    assert _TOKEN not in repr(token)
    assert _TOKEN.encode() not in pickle.dumps(token)


@given(st.text())
def test_any_string_returns_a_token_or_raises_an_oauth_error(redirected: str) -> None:
    try:
        oauth.parse_fragment(redirected, state=_STATE)
    except OAuthError:
        return
    raise AssertionError("a string without the state was accepted")


_NAMES = st.sampled_from(
    ["access_token", "state", "error", "code", "token_type", "expires_in", "x"]
)
_VALUES = st.text() | st.just(_STATE) | st.just("Bearer") | st.just(_TOKEN)


@given(st.lists(st.tuples(_NAMES, _VALUES)), st.sampled_from(["", "?", "#", f"{_CALLBACK}#"]))
def test_any_form_returns_a_token_or_raises(pairs: list[tuple[str, str]], sign: str) -> None:
    try:
        token = oauth.parse_fragment(sign + urlencode(pairs, errors="replace"), state=_STATE)
    except OAuthError:
        return
    assert ("state", _STATE) in pairs
    assert ("access_token", token.access_token.reveal()) in pairs


_PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=200)


@given(state=_PRINTABLE, token=_PRINTABLE, scope=st.lists(st.sampled_from(["public", "write"])))
def test_form_encoded_values_are_decoded_unchanged(
    state: str, token: str, scope: list[str]
) -> None:
    sent = parse_qs(urlsplit(oauth.authorize_url("app", _CALLBACK, state=state)).query)["state"][0]
    params = {
        "access_token": token,
        "token_type": "bearer",
        "state": sent,
        "scope": " ".join(scope),
    }

    parsed = oauth.parse_fragment(f"{_CALLBACK}#{urlencode(params)}", state=state)

    assert parsed.access_token.reveal() == token
    assert parsed.scope == tuple(scope)
