"""What the browser comes back with.

The order matters, and is the order of this page: size, form, one answer, its state, its issuer, and
only then what it says. Nothing of it is ever quoted in an error, but the provider's own error code
and words.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async.errors import AuthorizationError, InvalidRedirectError, StateMismatchError
from seeclickfix_async.oauth._provider_errors import provider_error

Answer = Mapping[str, str]

_LONGEST = 16_384
_OURS = frozenset(
    {
        "access_token",
        "code",
        "error",
        "error_description",
        "error_uri",
        "expires_in",
        "iss",
        "refresh_token",
        "scope",
        "state",
        "token_type",
    }
)
_ANSWERS = frozenset({"access_token", "code", "error"})
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_answer(redirected: str) -> Answer:
    """The answer in a whole URL, a query or a fragment.

    Raises:
        InvalidRedirectError: It is too long, no form, names something twice, holds two answers
            or none.
    """
    if not isinstance(redirected, str) or len(redirected) > _LONGEST:
        raise InvalidRedirectError(f"It must be a text of at most {_LONGEST:,} characters.")
    address, _, fragment = redirected.strip().partition("#")
    query = address.partition("?")[2]
    if not fragment and not query and "=" in address:
        fragment = address  # the fragment or query alone, without its sign
    in_fragment, in_query = _parameters(fragment), _parameters(query)
    if _ANSWERS & in_fragment.keys() and _ANSWERS & in_query.keys():
        raise InvalidRedirectError("It holds two answers, before and after the # sign.")
    answer = in_fragment if _ANSWERS & in_fragment.keys() else in_query
    answers = len(_ANSWERS & answer.keys())
    if answers > 1:
        raise InvalidRedirectError("It says two things at once, such as a code and an error.")
    if not answers:
        raise InvalidRedirectError(
            "There is no answer in it. Give the whole address that the browser came back to, with "
            "what follows the # sign; no server is sent that part, only a page's script sees it."
        )
    return answer


def verify_state(answer: Answer, state: Secret | None, issuer: str | None = None) -> None:
    """Refuse an answer that is not for this login.

    Raises:
        StateMismatchError: The state is not this login's.
        InvalidRedirectError: Another issuer answered than the one that was asked.
    """
    if not _same(answer.get("state"), state):
        raise StateMismatchError
    if issuer is not None and answer.get("iss") != issuer:
        raise InvalidRedirectError("It does not come from the provider that was asked (RFC 9207).")


def authorization_error(answer: Answer) -> AuthorizationError | None:
    """The error that the provider names in its answer, if it does."""
    if "error" not in answer:
        return None
    return provider_error(answer["error"], answer.get("error_description", ""))


def visible(answer: Answer, name: str) -> Secret:
    """A token or code of the answer, which must be able to stand in a header or a form."""
    value = answer[name]
    if not is_visible_ascii(value):
        raise InvalidRedirectError(f"Its {name} is empty, or holds what no provider sends.")
    return Secret(value)


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
    if "%" not in text and "+" not in text and text.isascii():
        return text
    if _BAD_PERCENT.search(text):
        raise InvalidRedirectError("It is not encoded as a form: a % sign stands alone.")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise InvalidRedirectError("It is not encoded as a form: it is no UTF-8.") from None


def _same(came: str | None, expected: Secret | None) -> bool:
    """Compare as bytes and in constant time; a state that nobody asked for is no match."""
    if came is None or expected is None:
        return came is None and expected is None
    # What came has been decoded from UTF-8; what was expected may be anything.
    return hmac.compare_digest(came.encode(), expected.reveal().encode("utf-8", "surrogatepass"))
