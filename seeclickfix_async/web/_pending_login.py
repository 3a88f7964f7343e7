"""What is kept in the browser while its person is away at the provider."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

import attrs
from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import FlowFinishedError, InvalidArgumentError, StateMismatchError
from seeclickfix_async.oauth import Flow
from seeclickfix_async.oauth._parse import Now

_MOST_TABS = 8  # logins of one browser at a time: many cookies make a header that servers refuse
_MOST_USED = 50_000  # ten minutes of 80 logins a second, in about 8 MB


@attrs.frozen
class PendingLogin:
    """A login that was begun in this browser.

    Attributes:
        name: The name of its cookie.
        flow: What `finish()` needs.
        next: Where the person wants to be afterwards: a path of the own site.
    """

    name: str
    flow: Flow
    next: str


class LoginCookies:
    """One signed cookie for each login, so that two tabs do not overwrite each other's.

    The age is signed with the rest, as the flow's own, and `finish()` judges it.

    Args:
        keys: They sign; the first one signs what is new.
        purpose: Whose logins these are: what was signed for one purpose is worth nothing for
            another.
        secure: Whether the site is reached by https.
        max_age: Seconds that a login may take.
        now: Tells the time, aware.
    """

    def __init__(
        self, keys: Sequence[Secret], *, purpose: str, secure: bool, max_age: float, now: Now
    ) -> None:
        self._signer = URLSafeSerializer(
            [key.reveal() for key in reversed(keys)],  # itsdangerous has the newest last
            salt=f"seeclickfix_async.web {purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        # The prefix makes browsers refuse such a cookie from another host (RFC 6265bis §4.1.3.2).
        self._prefix = "__Host-scf-login-" if secure else "scf-login-"
        self._secure = secure
        self._max_age = max_age
        self._now = now
        self._used = _Used(timedelta(seconds=max_age))

    def keep(self, request: Request, response: Response, flow: Flow, path: str) -> None:
        """Give the browser a login to keep, and take its oldest ones when they are too many."""
        began = [(kept.flow.created_at, kept.name) for kept in self._all(request)]
        for _, name in sorted(began)[: 1 - _MOST_TABS]:
            self.forget(response, name)
        # The browser is sent to the flow's long address, and nobody asks for it again.
        value = self._signer.dumps({"flow": {**flow.to_dict(), "url": ""}, "next": path})
        response.set_cookie(
            self._name(flow.state.reveal()),
            value,
            max_age=int(self._max_age),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def take(self, request: Request, state: str | None) -> PendingLogin:
        """The login of this browser that has this state, for its one answer.

        Raises:
            StateMismatchError: This browser has no such login.
            FlowFinishedError: It was taken before.
        """
        name = self._name(state or "")
        kept = self._opened(name, request.cookies.get(name, ""))
        if kept is None:
            raise StateMismatchError
        if not self._used.claim(name, self._now()):
            raise FlowFinishedError
        return kept

    def forget(self, response: Response, name: str) -> None:
        """Take a login's cookie from the browser."""
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def _name(self, state: str) -> str:
        digest = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
        return self._prefix + digest[:16]

    def _all(self, request: Request) -> list[PendingLogin]:
        opened = (
            self._opened(name, value)
            for name, value in request.cookies.items()
            if name.startswith(self._prefix)
        )
        return [kept for kept in opened if kept is not None]

    def _opened(self, name: str, value: str) -> PendingLogin | None:
        try:
            kept = self._signer.loads(value)
            return PendingLogin(name, Flow.from_dict(kept["flow"]), kept["next"])
        except (BadData, InvalidArgumentError, KeyError, TypeError):
            return None  # forged, or of another version of this page


class _Used:
    """Remembers which logins were taken, until they would be too old anyway."""

    def __init__(self, life: timedelta) -> None:
        self._life = life
        self._until: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def claim(self, name: str, now: datetime) -> bool:
        """True for the first who asks, whichever thread or task that is."""
        with self._lock:
            while len(self._until) >= _MOST_USED or self._oldest_is_over(now):
                self._until.popitem(last=False)
            if name in self._until:
                return False
            self._until[name] = now + self._life
            return True

    def _oldest_is_over(self, now: datetime) -> bool:
        return bool(self._until) and next(iter(self._until.values())) <= now
