"""One login from its beginning to its end, without any I/O."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import errors, oauth
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import InvalidArgumentError, OAuthError, SeeClickFixError
from seeclickfix_async.oauth import Application, AuthorizationCode, Flow, Token

_APP = Application("app+1", "https://app.example/callback?tenant=a%26b", "the-client-secret")
_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _begin(kind: oauth.FlowKind = "code", **options: Any) -> Flow:
    return oauth.begin(_APP, kind, now=lambda: _NOW, **options)


def _finish(flow: Flow, redirected: str, seconds: float = 0) -> Token | AuthorizationCode:
    return oauth.finish(flow, redirected, now=lambda: _NOW + timedelta(seconds=seconds))


def _answer(flow: Flow, **change: str | None) -> str:
    """A good answer's form, with changes; None takes a parameter away."""
    good: dict[str, str | None] = {"state": flow.state.reveal()}
    if flow.kind == "code":
        good |= {"code": "the-code"}
    else:
        good |= {"access_token": "the-token", "token_type": "Bearer", "expires_in": "7200"}
    return urlencode({name: value for name, value in (good | change).items() if value is not None})


# -- the application ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"client_id": "a b"}, "client_id"),
        ({"redirect_uri": "http://app.example/"}, "redirect_uri"),
        ({"redirect_uri": "https://app.example/#x"}, "redirect_uri"),
        ({"client_secret": ""}, "client_secret"),
        ({"client_secret": 7}, "client_secret"),
        ({"base_url": "http://seeclickfix.com"}, "base_url"),
    ],
)
def test_an_application_that_is_unsafe_is_refused(change: dict[str, Any], argument: str) -> None:
    good = {"client_id": "app", "redirect_uri": "https://app.example/"}

    with pytest.raises(InvalidArgumentError) as caught:
        Application(**good | change)

    assert caught.value.argument == argument


@pytest.mark.parametrize("path", ["oauth/token", "https://evil.example/", "/a?b=c", "/a b", "", 7])
def test_an_endpoint_is_a_path(path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="path"):
        oauth.Endpoints(token=path)


def test_endpoints_can_be_elsewhere() -> None:
    elsewhere = oauth.Endpoints(authorize="/users/authorize")
    app = Application("app", "https://app.example/", endpoints=elsewhere)

    assert oauth.begin(app).url.startswith("https://seeclickfix.com/users/authorize?client_id=app&")


# -- beginning ------------------------------------------------------------------------------------


def test_the_code_flow_asks_with_a_state_and_a_challenge() -> None:
    flow = _begin(scope=["public", "write"])
    asked = parse_qs(urlsplit(flow.url).query)

    assert flow.verifier is not None
    digest = hashlib.sha256(flow.verifier.reveal().encode()).digest()
    assert asked == {
        "client_id": ["app+1"],
        "redirect_uri": [_APP.redirect_uri],
        "response_type": ["code"],
        "scope": ["public write"],
        "state": [flow.state.reveal()],
        "code_challenge": [base64.urlsafe_b64encode(digest).decode().rstrip("=")],
        "code_challenge_method": ["S256"],
    }
    assert len(flow.state.reveal()) == len(flow.verifier.reveal()) == 43
    assert flow.state != flow.verifier


def test_the_implicit_flow_asks_for_a_token() -> None:
    flow = _begin("implicit")
    asked = parse_qs(urlsplit(flow.url).query)

    assert asked.keys() == {"client_id", "redirect_uri", "response_type", "state"}
    assert asked["response_type"] == ["token"]
    assert flow.verifier is None


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    pkce = oauth.Pkce(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))

    assert pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"kind": "token"}, "kind"),
        ({"scope": "a,b"}, "scope"),
        ({"max_age": 0}, "max_age"),
        ({"max_age": float("nan")}, "max_age"),
        ({"max_age": "600"}, "max_age"),
    ],
)
def test_a_beginning_that_makes_no_sense_is_refused(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _begin(**options)

    assert caught.value.argument == argument


# -- keeping --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_flow_can_be_kept(kind: oauth.FlowKind) -> None:
    flow = _begin(kind, scope="public", max_age=60)

    for kept in (
        Flow.from_dict(json.loads(json.dumps(flow.to_dict()))),
        pickle.loads(pickle.dumps(flow)),
    ):
        assert kept == flow
        assert _finish(kept, _answer(flow))


@given(
    st.dictionaries(
        st.sampled_from([*_begin().to_dict(), "more"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_what_was_kept_badly_is_refused(change: dict[str, Any]) -> None:
    with suppress(InvalidArgumentError):
        assert Flow.from_dict({**_begin().to_dict(), **change}).state.reveal()


@given(
    st.dictionaries(
        st.sampled_from(["access_token", "token_type", "expires_in", "scope", "created_at", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_a_token_that_was_kept_badly_is_refused(kept: dict[str, Any]) -> None:
    with suppress(InvalidArgumentError):
        assert Token.from_dict(kept).access_token.reveal()


# -- finishing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["?", "#", ""])
def test_a_code_comes_out(sign: str) -> None:
    flow = _begin()
    address = "https://app.example/callback" if sign else ""

    code = _finish(flow, f"{address}{sign}{_answer(flow)}")

    assert code == AuthorizationCode(Secret("the-code"), _APP.redirect_uri, flow.verifier)


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example/callback?tenant=a%26b#",
        "https://app.example/callback#",
        "https://APP.example:443/callback#",
        "#",
        "?",
        "",
        "  ",
    ],
)
@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_a_token_comes_out(address: str, kind: str) -> None:
    flow = _begin("implicit")

    token = cast("Token", _finish(flow, address + _answer(flow, token_type=kind, scope="a b")))

    assert token == Token(Secret("the-token"), kind, 7200.0, ("a", "b"), _NOW)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/callback?",
        "http://app.example/callback?",
        "https://app.example:8443/callback?",
        "https://app.example/Callback?",
        "https://app.example/callback/?",
        "https://app.example/?",
        "https://app.example:x/callback?",
        "javascript:alert(1)?",
        "org.example.app:/callback?",
    ],
)
def test_another_redirect_uri_is_refused(address: str) -> None:
    flow = _begin()

    with pytest.raises(errors.InvalidRedirectError, match="redirect URI"):
        _finish(flow, address + _answer(flow))


def test_an_app_may_have_a_scheme_of_its_own() -> None:
    flow = oauth.begin(Application("app", "org.example.app:/callback"), now=lambda: _NOW)

    assert _finish(flow, f"org.example.app:/callback?{_answer(flow)}")


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_state_that_is_not_the_flows_leaves_it_usable(kind: oauth.FlowKind) -> None:
    flow, other = _begin(kind), _begin(kind)

    for wrong in (_answer(other), _answer(flow, state=None), _answer(flow, state="é")):
        with pytest.raises(errors.StateMismatchError, match="another browser"):
            _finish(flow, wrong)
    with pytest.raises(errors.StateMismatchError):
        _finish(flow, _answer(flow, error="access_denied", code=None, access_token=None, state="x"))

    assert _finish(flow, _answer(flow))


def test_a_flow_finishes_once() -> None:
    flow = _begin()
    with pytest.raises(errors.AccessDeniedError):
        _finish(flow, _answer(flow, code=None, error="access_denied"))

    with pytest.raises(errors.FlowFinishedError):
        _finish(flow, _answer(flow))


def test_an_answer_that_cannot_be_read_leaves_the_flow_usable() -> None:
    flow = _begin()
    for wrong in (_answer(flow, code=""), _answer(flow, code=None, access_token="t")):
        with pytest.raises(errors.InvalidRedirectError):
            _finish(flow, wrong)

    assert _finish(flow, _answer(flow))


def test_of_many_threads_one_finishes() -> None:
    flow = _begin()
    answer, ends = _answer(flow), list[object]()
    start = threading.Barrier(8)

    def finish() -> None:
        start.wait()
        try:
            ends.append(_finish(flow, answer))
        except errors.FlowFinishedError as error:
            ends.append(error)

    threads = [threading.Thread(target=finish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(end, AuthorizationCode) for end in ends) == 1
    assert len(ends) == 8


def test_a_flow_has_its_time() -> None:
    flow = _begin(max_age=60)

    with pytest.raises(errors.FlowExpiredError, match="60 seconds"):
        _finish(flow, _answer(flow), seconds=60.1)

    assert _finish(flow, _answer(flow), seconds=60)


def test_the_order_is_form_address_age_state() -> None:
    """Whatever else is wrong, an attacker learns of the first fault only."""
    flow = _begin(max_age=60)
    bad_form, bad_address = "code=a&code=b", "https://evil.example/?code=a&state=x"

    with pytest.raises(errors.InvalidRedirectError, match="twice"):
        _finish(flow, f"https://evil.example/?{bad_form}", seconds=99)
    with pytest.raises(errors.InvalidRedirectError, match="redirect URI"):
        _finish(flow, bad_address, seconds=99)
    with pytest.raises(errors.FlowExpiredError):
        _finish(flow, "?code=a&state=x", seconds=99)
    with pytest.raises(errors.StateMismatchError):
        _finish(flow, "?error=access_denied&state=x")


@pytest.mark.parametrize("came", [None, "https://evil.example"])
def test_an_issuer_that_is_asked_for_must_answer(came: str | None) -> None:
    app = Application("app", "https://app.example/cb", issuer="https://seeclickfix.com")
    flow = oauth.begin(app, now=lambda: _NOW)

    with pytest.raises(errors.InvalidRedirectError, match="9207"):
        _finish(flow, _answer(flow, iss=came))

    assert _finish(flow, _answer(flow, iss="https://seeclickfix.com"))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("code", {"code": None, "access_token": "t", "token_type": "Bearer"}),
        ("implicit", {"access_token": None, "code": "c"}),
        ("code", {"code": ""}),
        ("code", {"code": "line\nbreak"}),
        ("implicit", {"access_token": "a b"}),
        ("implicit", {"token_type": None}),
        ("implicit", {"token_type": "mac"}),
        ("code", {"error": "access_denied"}),
    ],
)
def test_an_answer_to_something_else_is_refused(
    kind: oauth.FlowKind, change: dict[str, str | None]
) -> None:
    flow = _begin(kind)

    with pytest.raises(errors.InvalidRedirectError):
        _finish(flow, _answer(flow, **change))


def test_the_plain_function_does_not_mix_flows_up() -> None:
    with pytest.raises(errors.InvalidRedirectError, match="implicit"):
        oauth.parse_callback("access_token=t&state=s", state="s", redirect_uri="https://a.example/")
    with pytest.raises(InvalidArgumentError, match="verifier"):
        oauth.parse_callback(
            "code=c&state=s", state="s", redirect_uri="https://a.example/", verifier="short"
        )


@given(st.text() | st.from_regex(r"[?#&=%+a-z:/]*", fullmatch=True))
def test_any_text_ends_in_a_value_or_an_error(text: str) -> None:
    for kind in ("code", "implicit"):
        flow = _begin(kind)
        for redirected in (text, f"{_APP.redirect_uri}&{text}", f"#{_answer(flow)}&{text}"):
            with suppress(OAuthError):
                assert _finish(flow, redirected)


@given(st.sampled_from(["code", "implicit"]), st.text(min_size=1), st.text(), st.booleans())
def test_what_begin_asks_finish_takes_back(
    kind: oauth.FlowKind, value: str, more: str, own_query: bool
) -> None:
    """Through the provider's form encoding (observed), whatever else comes along."""
    redirect_uri = "https://app.example/cb" + ("?x=1&x=2" if own_query else "")
    flow = oauth.begin(Application("app", redirect_uri), kind, now=lambda: _NOW)
    asked = dict(parse_qsl(urlsplit(flow.url).query))
    answer = {"state": asked["state"], "more": more}
    answer |= (
        {"code": "c" + value.encode().hex()}
        if kind == "code"
        else {"access_token": value.encode().hex(), "token_type": "Bearer"}
    )
    sign = ("&" if own_query else "?") if kind == "code" else "#"

    assert _finish(flow, asked["redirect_uri"] + sign + urlencode(answer))


# -- what nobody sees -----------------------------------------------------------------------------


def test_no_secret_is_shown() -> None:
    flow = _begin()
    secrets = [flow.state.reveal(), (flow.verifier or Secret("")).reveal(), "the-client-secret"]
    shown = [repr(_APP), repr(flow), str(flow), f"{flow}", repr(_finish(flow, _answer(flow)))]
    for redirected in ("?code=the-code&state=x", f"?{_answer(flow)}", f"?{_answer(flow)}&code=b"):
        try:
            _finish(flow, redirected)
        except SeeClickFixError as error:
            shown += [repr(error), "".join(traceback.format_exception(error)), str(vars(error))]

    everything = "\n".join(shown)
    assert len(shown) == 14
    assert [secret for secret in [*secrets, "the-code"] if secret in everything] == []
