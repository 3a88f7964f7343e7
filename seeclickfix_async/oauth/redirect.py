"""What the browser comes back with."""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from seeclickfix_async.errors import (
    AccessDeniedError,
    AuthorizationError,
    InvalidArgumentError,
    InvalidRedirectError,
    StateMismatchError,
)
from seeclickfix_async.oauth.token import Token
from seeclickfix_async.secret import Secret

_LONGEST = 16_384
_LONGEST_WORDS = 500
_OURS = frozenset(
    {
        "access_token",
        "code",
        "error",
        "error_description",
        "error_uri",
        "expires_in",
        "scope",
        "state",
        "token_type",
    }
)
_ANSWERS = frozenset({"access_token", "code", "error"})
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(r"[^ -~\u00a0-\ud7ff\ue000-\uffff]+")
_LONGEST_LIFE = 10 * 366 * 86_400.0  # seconds

_ERRORS: dict[str, type[AuthorizationError]] = {"access_denied": AccessDeniedError}


def _now() -> datetime:
    return datetime.now(UTC)


def parse_fragment(
    redirected: str, *, state: str | None, now: Callable[[], datetime] = _now
) -> Token:
    """The token in what the browser came back with, after the implicit flow.

    The order matters: size, form, the state, and only then what the answer says. Nothing of it
    is ever quoted in an error.

    Args:
        redirected: The whole URL, or what follows its `#` (or `?`, where some errors come).
        state: The state that this login was begun with; None only if it was begun without.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidRedirectError: It cannot be read, names something twice, or has no token in it.
        StateMismatchError: It does not belong to this login.
        AuthorizationError: The provider refused; AccessDeniedError when the person did.
    """
    if state is not None and not state.strip():
        raise InvalidArgumentError("state", "is blank; a login with a blank state is not safe.")
    answer = _answer(redirected)
    if not _ANSWERS & answer.keys():
        raise InvalidRedirectError(
            "There is no answer in it. Give the whole address that the browser came back to, with "
            "what follows the # sign; no server is sent that part, only a page's script sees it."
        )
    if not _same(answer.get("state"), state):
        raise StateMismatchError
    if "error" in answer:
        raise _refusal(answer)
    if "code" in answer:
        raise InvalidRedirectError(
            "It holds an authorization code, which is the code flow's answer. Ask with "
            "response_type='token', or exchange the code."
        )
    return _token(answer, now())


def _answer(redirected: str) -> dict[str, str]:
    if not isinstance(redirected, str) or len(redirected) > _LONGEST:
        raise InvalidRedirectError(f"It must be a text of at most {_LONGEST:,} characters.")
    address, _, fragment = redirected.strip().partition("#")
    query = address.partition("?")[2]
    if not fragment and not query and "=" in address:
        fragment = address  # the fragment alone, without its sign
    in_fragment, in_query = _parameters(fragment), _parameters(query)
    if _ANSWERS & in_fragment.keys() and _ANSWERS & in_query.keys():
        raise InvalidRedirectError("It holds two answers, before and after the # sign.")
    return in_fragment if _ANSWERS & in_fragment.keys() else in_query


def _parameters(form: str) -> dict[str, str]:
    """Our parameters of a form; the redirect URI's own may come along, even twice."""
    found: dict[str, str] = {}
    for pair in form.split("&"):
        name, _, value = pair.partition("=")
        name = _decoded(name)
        if name not in _OURS:
            continue
        if name in found:
            raise InvalidRedirectError(f"It names {name} twice (RFC 6749 §3.1 forbids that).")
        found[name] = _decoded(value)
    return found


def _decoded(text: str) -> str:
    """Form decoding, in which a plus sign is a space (observed, as RFC 6749 appendix B has it)."""
    if _BAD_PERCENT.search(text):
        raise InvalidRedirectError("It is not encoded as a form: a % sign stands alone.")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise InvalidRedirectError("It is not encoded as a form: it is no UTF-8.") from None


def _same(came: str | None, expected: str | None) -> bool:
    """Compare as bytes and in constant time; a state that nobody asked for is no match."""
    if came is None or expected is None:
        return came is expected
    return hmac.compare_digest(came.encode(), expected.encode("utf-8", "surrogatepass"))


def _refusal(answer: Mapping[str, str]) -> AuthorizationError:
    code = _printable(answer["error"]) or "unnamed"
    kind = _ERRORS.get(code, AuthorizationError)
    return kind(code, _printable(answer.get("error_description", "")))


def _printable(text: str) -> str:
    """A stranger's words, fit for a log: one line, no control characters, not too long."""
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_WORDS]


def _token(answer: Mapping[str, str], now: datetime) -> Token:
    value, kind = answer["access_token"], answer.get("token_type", "")
    if not _VISIBLE.fullmatch(value):
        raise InvalidRedirectError("Its token is empty, or cannot stand in a header.")
    if kind.lower() != "bearer":
        raise InvalidRedirectError("Its token is not of the type Bearer (RFC 6749 §7.1).")
    scope = answer.get("scope")
    return Token(
        access_token=Secret(value),
        token_type=kind,
        expires_in=_seconds(answer.get("expires_in", "")),
        scope=None if scope is None else tuple(scope.split()),
        created_at=now,
    )


def _seconds(text: str) -> float | None:
    """A lifetime that can be believed; the provider leaves it out when tokens never expire."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _LONGEST_LIFE else None
