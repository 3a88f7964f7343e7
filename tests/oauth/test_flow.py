"""A login from the authorization URL to a token or code, without any I/O."""

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


def _response(flow: Flow, **changes: str | None) -> str:
    """Return the form of a valid response, with changes; None removes a parameter."""
    params: dict[str, str | None] = {"state": flow.state.reveal()}
    if flow.kind == "code":
        params |= {"code": "the-code"}
    else:
        params |= {"access_token": "the-token", "token_type": "Bearer", "expires_in": "7200"}
    params |= changes
    return urlencode({name: value for name, value in params.items() if value is not None})


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
def test_an_invalid_or_unsafe_application_is_refused(change: dict[str, Any], argument: str) -> None:
    good = {"client_id": "app", "redirect_uri": "https://app.example/"}

    with pytest.raises(InvalidArgumentError) as caught:
        Application(**good | change)

    assert caught.value.argument == argument


@pytest.mark.parametrize("path", ["oauth/token", "https://evil.example/", "/a?b=c", "/a b", "", 7])
def test_an_endpoint_is_a_path(path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="path"):
        oauth.Endpoints(token=path)


def test_other_endpoints_can_be_set() -> None:
    elsewhere = oauth.Endpoints(authorize="/users/authorize")
    app = Application("app", "https://app.example/", endpoints=elsewhere)

    assert oauth.begin(app).url.startswith("https://seeclickfix.com/users/authorize?client_id=app&")


def test_the_code_flow_sends_a_state_and_a_challenge() -> None:
    flow = _begin(scope=["public", "write"])
    params = parse_qs(urlsplit(flow.url).query)

    assert flow.verifier is not None
    digest = hashlib.sha256(flow.verifier.reveal().encode()).digest()
    assert params == {
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


def test_the_implicit_flow_requests_a_token() -> None:
    flow = _begin("implicit")
    params = parse_qs(urlsplit(flow.url).query)

    assert params.keys() == {"client_id", "redirect_uri", "response_type", "state"}
    assert params["response_type"] == ["token"]
    assert flow.verifier is None


def test_the_challenge_matches_the_example_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    pkce = oauth.Pkce(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))

    assert pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"kind": "token"}, "kind"),
        ({"scope": "a,b"}, "scope"),
        ({"scope": 7}, "scope"),
        ({"max_age": 0}, "max_age"),
        ({"max_age": float("nan")}, "max_age"),
        ({"max_age": "600"}, "max_age"),
    ],
)
def test_begin_refuses_invalid_arguments(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _begin(**options)

    assert caught.value.argument == argument


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_flow_can_be_stored_as_json_and_pickled(kind: oauth.FlowKind) -> None:
    flow = _begin(kind, scope="public", max_age=60)

    for loaded in (
        Flow.from_dict(json.loads(json.dumps(flow.to_dict()))),
        pickle.loads(pickle.dumps(flow)),
    ):
        assert loaded == flow
        assert _finish(loaded, _response(flow))


@given(
    st.dictionaries(
        st.sampled_from([*_begin().to_dict(), "more"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_an_invalid_flow_dict_is_refused(change: dict[str, Any]) -> None:
    with suppress(InvalidArgumentError):
        assert Flow.from_dict({**_begin().to_dict(), **change}).state.reveal()


@given(
    st.dictionaries(
        st.sampled_from(["access_token", "token_type", "expires_in", "scope", "created_at", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_an_invalid_token_dict_is_refused(data: dict[str, Any]) -> None:
    with suppress(InvalidArgumentError):
        assert Token.from_dict(data).access_token.reveal()


@pytest.mark.parametrize("sign", ["?", "#", ""])
def test_finish_returns_a_code(sign: str) -> None:
    flow = _begin()
    address = "https://app.example/callback" if sign else ""

    code = _finish(flow, f"{address}{sign}{_response(flow)}")

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
def test_finish_returns_a_token(address: str, kind: str) -> None:
    flow = _begin("implicit")

    token = cast("Token", _finish(flow, address + _response(flow, token_type=kind, scope="a b")))

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
        _finish(flow, address + _response(flow))


def test_a_private_use_scheme_is_accepted() -> None:
    flow = oauth.begin(Application("app", "org.example.app:/callback"), now=lambda: _NOW)

    assert _finish(flow, f"org.example.app:/callback?{_response(flow)}")


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_wrong_state_leaves_the_flow_usable(kind: oauth.FlowKind) -> None:
    flow, other = _begin(kind), _begin(kind)

    for wrong in (_response(other), _response(flow, state=None), _response(flow, state="é")):
        with pytest.raises(errors.StateMismatchError, match="another browser"):
            _finish(flow, wrong)
    with pytest.raises(errors.StateMismatchError):
        _finish(
            flow, _response(flow, error="access_denied", code=None, access_token=None, state="x")
        )

    assert _finish(flow, _response(flow))


def test_a_flow_finishes_once() -> None:
    flow = _begin()
    with pytest.raises(errors.AccessDeniedError):
        _finish(flow, _response(flow, code=None, error="access_denied"))

    with pytest.raises(errors.FlowFinishedError):
        _finish(flow, _response(flow))


def test_an_invalid_response_leaves_the_flow_usable() -> None:
    flow = _begin()
    for wrong in (_response(flow, code=""), _response(flow, code=None, access_token="t")):
        with pytest.raises(errors.InvalidRedirectError):
            _finish(flow, wrong)

    assert _finish(flow, _response(flow))


def test_one_of_several_threads_finishes_a_flow() -> None:
    flow = _begin()
    response, results = _response(flow), list[object]()
    start = threading.Barrier(8)

    def finish() -> None:
        start.wait()
        try:
            results.append(_finish(flow, response))
        except errors.FlowFinishedError as error:
            results.append(error)

    threads = [threading.Thread(target=finish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(result, AuthorizationCode) for result in results) == 1
    assert len(results) == 8


def test_a_flow_expires_after_max_age() -> None:
    flow = _begin(max_age=60)

    with pytest.raises(errors.FlowExpiredError, match="60 seconds"):
        _finish(flow, _response(flow), seconds=60.1)

    assert _finish(flow, _response(flow), seconds=60)


def test_checks_run_in_the_order_encoding_redirect_uri_age_state() -> None:
    """An attacker learns of the first failed check only."""
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


@pytest.mark.parametrize("issuer", [None, "https://evil.example"])
def test_an_expected_issuer_is_required(issuer: str | None) -> None:
    app = Application("app", "https://app.example/cb", issuer="https://seeclickfix.com")
    flow = oauth.begin(app, now=lambda: _NOW)

    with pytest.raises(errors.InvalidRedirectError, match="9207"):
        _finish(flow, _response(flow, iss=issuer))

    assert _finish(flow, _response(flow, iss="https://seeclickfix.com"))


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
def test_a_response_of_another_kind_is_refused(
    kind: oauth.FlowKind, change: dict[str, str | None]
) -> None:
    flow = _begin(kind)

    with pytest.raises(errors.InvalidRedirectError):
        _finish(flow, _response(flow, **change))


def test_parse_callback_refuses_the_implicit_flow_and_a_bad_verifier() -> None:
    with pytest.raises(errors.InvalidRedirectError, match="implicit"):
        oauth.parse_callback("access_token=t&state=s", state="s", redirect_uri="https://a.example/")
    with pytest.raises(InvalidArgumentError, match="verifier"):
        oauth.parse_callback(
            "code=c&state=s", state="s", redirect_uri="https://a.example/", verifier="short"
        )


@given(st.text() | st.from_regex(r"[?#&=%+a-z:/]*", fullmatch=True))
def test_any_string_returns_a_result_or_raises_an_oauth_error(text: str) -> None:
    for kind in ("code", "implicit"):
        flow = _begin(kind)
        for redirected in (text, f"{_APP.redirect_uri}&{text}", f"#{_response(flow)}&{text}"):
            with suppress(OAuthError):
                assert _finish(flow, redirected)


@given(st.sampled_from(["code", "implicit"]), st.text(min_size=1), st.text(), st.booleans())
def test_finish_accepts_any_response_to_the_url_of_begin(
    kind: oauth.FlowKind, value: str, more: str, own_query: bool
) -> None:
    """The response is form-encoded like the provider's (observed) and has another parameter."""
    redirect_uri = "https://app.example/cb" + ("?x=1&x=2" if own_query else "")
    flow = oauth.begin(Application("app", redirect_uri), kind, now=lambda: _NOW)
    sent = dict(parse_qsl(urlsplit(flow.url).query))
    response = {"state": sent["state"], "more": more}
    response |= (
        {"code": "c" + value.encode().hex()}
        if kind == "code"
        else {"access_token": value.encode().hex(), "token_type": "Bearer"}
    )
    sign = ("&" if own_query else "?") if kind == "code" else "#"

    assert _finish(flow, sent["redirect_uri"] + sign + urlencode(response))


def test_no_repr_or_error_has_a_secret() -> None:
    flow = _begin()
    secrets = [flow.state.reveal(), (flow.verifier or Secret("")).reveal(), "the-client-secret"]
    shown = [repr(_APP), repr(flow), str(flow), f"{flow}", repr(_finish(flow, _response(flow)))]
    for redirected in (
        "?code=the-code&state=x",
        f"?{_response(flow)}",
        f"?{_response(flow)}&code=b",
    ):
        try:
            _finish(flow, redirected)
        except SeeClickFixError as error:
            shown += [repr(error), "".join(traceback.format_exception(error)), str(vars(error))]

    everything = "\n".join(shown)
    assert len(shown) == 14
    assert [secret for secret in [*secrets, "the-code"] if secret in everything] == []


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_login_can_have_more_parameters(kind: oauth.FlowKind) -> None:
    flow = _begin(kind, extra={"scf_login": "true", "login_hint": "a b&state=x"})
    query = parse_qs(urlsplit(flow.url).query)

    assert query["scf_login"] == ["true"]
    assert query["login_hint"] == ["a b&state=x"]
    assert query["state"] == [flow.state.reveal()]
    assert Flow.from_dict(flow.to_dict()).url == flow.url


_PROTECTED = (
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
)


@given(
    st.sampled_from(_PROTECTED),
    st.sampled_from(
        ["{}", " {}", "{} ", "{}[]", "{}[a]", "{}%5B%5D", "{}\0", "&{}", "{}=a&b", "+{}"]
    ),
    st.booleans(),
)
def test_a_parameter_of_the_login_cannot_be_replaced(name: str, form: str, is_upper: bool) -> None:
    written = form.format(name.upper().replace("_", "-") if is_upper else name)

    for begin in (
        lambda: _begin(extra={written: "x"}),
        lambda: oauth.authorize_url("app", "https://app.example/", extra={written: "x"}),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            begin()
        assert caught.value.argument == "extra"


@pytest.mark.parametrize(
    "extra",
    [[("a", "b")], "a=b", {"a": ""}, {"a": "b\n"}, {"a": 1}, {"a": ["b"]}, {"": "b"}, {1: "b"},
     {"a": "x" * 1001}, {"a": "\ud800"}],
)  # fmt: skip
def test_invalid_further_parameters_are_refused(extra: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _begin(extra=extra)

    assert caught.value.argument == "extra"
