"""The state of a login, in a cookie of the browser while its user is at the provider."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

import attrs
from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.timestamps import Now
from seeclickfix_async.errors import FlowFinishedError, InvalidArgumentError, StateMismatchError
from seeclickfix_async.oauth import Flow
from seeclickfix_async.web._security import MAX_PATH

_MAX_PENDING = 8  # logins of one browser
_MAX_COOKIE = 4096  # bytes with name and attributes; browsers drop a longer one (RFC 6265 §6.1)
_MAX_HEADER = 8000  # bytes of all cookies; servers refuse a line of 8 kB (nginx, gunicorn)
_ATTRIBUTES = 200  # bytes, at most
_MAX_FINISHED = 50_000  # ten minutes of 80 logins a second, in about 8 MB


@attrs.frozen
class PendingLogin:
    """A login that was started in this browser.

    Attributes:
        name: The name of its cookie.
        flow: The flow, for `finish()`.
        next: The path of the own site to open afterwards.
    """

    name: str
    flow: Flow
    next: str


class LoginCookies:
    """Signed cookies, one for each login, so that two tabs do not overwrite each other's.

    The signed flow contains the time of its start, and `finish()` checks its age.

    Args:
        keys: The signing keys; the first one signs new cookies.
        purpose: A description of the logins; a cookie signed for one purpose is invalid for
            another.
        secure: Whether the site uses https.
        max_age: Seconds that a login may take.
        now: Returns the current time, with a time zone.
    """

    def __init__(
        self, keys: Sequence[Secret], *, purpose: str, secure: bool, max_age: float, now: Now
    ) -> None:
        self._signer = URLSafeSerializer(
            [key.reveal() for key in reversed(keys)],  # itsdangerous expects the newest key last
            salt=f"seeclickfix_async.web {purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        # The prefix makes browsers refuse such a cookie from another host (RFC 6265bis §4.1.3.2).
        self._prefix = "__Host-scf-login-" if secure else "scf-login-"
        self._secure = secure
        self._max_age = max_age
        self._now = now
        self._finished = _FinishedLogins(timedelta(seconds=max_age))

    def add(self, request: Request, response: Response, flow: Flow, path: str) -> None:
        """Set the cookie of a new login; delete the oldest ones if they are too many or long."""
        name, value = self._name(flow.state.reveal()), self._sign(flow, path)
        header = sum(len(line) for line in request.headers.getlist("cookie"))
        free = _MAX_HEADER - header - _length(name, value)
        pending = sorted(self._all(request), key=lambda login: login.flow.created_at)
        while pending and (len(pending) >= _MAX_PENDING or free < 0):
            oldest = pending.pop(0)
            free += _length(oldest.name, request.cookies[oldest.name])
            self.delete(response, oldest.name)
        response.set_cookie(
            name,
            value,
            max_age=int(self._max_age),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def take(self, request: Request, state: str | None) -> PendingLogin:
        """Return this browser's login with this state, once.

        Raises:
            StateMismatchError: This browser has no such login.
            FlowFinishedError: It was returned before.
        """
        name = self._name(state or "")
        login = self._load(name, request.cookies.get(name, ""))
        if login is None:
            raise StateMismatchError
        if not self._finished.add(name, self._now()):
            raise FlowFinishedError
        return login

    def delete(self, response: Response, name: str) -> None:
        """Delete the cookie of a login."""
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def fits(self, flow: Flow) -> bool:
        """Return True if no cookie of such a flow is too long for browsers, with any path."""
        longest = self._sign(flow, secrets.token_urlsafe(MAX_PATH)[:MAX_PATH])
        return _length(self._name(""), longest) + _ATTRIBUTES <= _MAX_COOKIE

    def _sign(self, flow: Flow, path: str) -> str:
        """Return the value of a cookie; the URL is long, and not needed after the redirect."""
        return self._signer.dumps({"flow": {**flow.to_dict(), "url": ""}, "next": path})

    def _name(self, state: str) -> str:
        digest = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
        return self._prefix + digest[:16]

    def _all(self, request: Request) -> list[PendingLogin]:
        logins = (
            self._load(name, value)
            for name, value in request.cookies.items()
            if name.startswith(self._prefix)
        )
        return [login for login in logins if login is not None]

    def _load(self, name: str, value: str) -> PendingLogin | None:
        try:
            content = self._signer.loads(value)
            login = PendingLogin(name, Flow.from_dict(content["flow"]), content["next"])
        except (BadData, InvalidArgumentError, KeyError, TypeError):
            return None  # forged, or of another version of this package
        # A page of a sibling domain may have set the value of another cookie under this name.
        return login if name == self._name(login.flow.state.reveal()) else None


def _length(name: str, value: str) -> int:
    """Return how many bytes a cookie takes in the header of a request."""
    return len(f"{name}={value}; ")


class _FinishedLogins:
    """The names of finished logins, until they expire."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._expiries: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def add(self, name: str, now: datetime) -> bool:
        """Add a login; return True if it is new. Safe to call from several threads."""
        with self._lock:
            while len(self._expiries) >= _MAX_FINISHED or self._is_oldest_expired(now):
                self._expiries.popitem(last=False)
            if name in self._expiries:
                return False
            self._expiries[name] = now + self._lifetime
            return True

    def _is_oldest_expired(self, now: datetime) -> bool:
        return bool(self._expiries) and next(iter(self._expiries.values())) <= now
