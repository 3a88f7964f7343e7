"""The token endpoint: a pair for a code, a new pair for an old one, and its end (observed)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._users import Users

CLIENT = "sandbox-client"
"""The id of the one application that the sandbox knows; it is public and has no secret."""

LIFETIME = 7200
"""Seconds that a token is said to live, the provider's default; the sandbox lets it live on."""

_NEEDED = {"authorization_code": ("code", "redirect_uri"), "refresh_token": ("refresh_token",)}


@attrs.frozen
class Code:
    """What somebody allowed, until the application comes for it."""

    redirect_uri: str
    scope: str
    challenge: str
    method: str

    def fits(self, verifier: str) -> bool:
        """Whether this is the verifier of the challenge; without one, there must be none."""
        if not verifier or self.method == "plain":
            return verifier == self.challenge
        digest = hashlib.sha256(verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge


@attrs.frozen
class Pair:
    """A token and what renews it; the implicit flow gives nothing that could."""

    access: str
    refresh: str
    scope: str


@attrs.define(eq=False)
class TokenRoutes:
    """Keeps codes and pairs.

    An old pair ends when it is renewed, as with some providers; with others, it ends at the first
    use of the new one.
    """

    people: Users
    codes: dict[str, Code] = attrs.field(factory=dict)
    pairs: list[Pair] = attrs.field(factory=list)

    def routes(self) -> list[Route]:
        """What an application asks for, beside the browser's back."""
        return [
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
        ]

    def code(self, asked: dict[str, str]) -> str:
        """A code for what somebody allowed."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(
            asked["redirect_uri"],
            scope_of(asked),
            asked.get("code_challenge", ""),
            asked.get("code_challenge_method", ""),
        )
        return code

    def pair(self, scope: str, *, renewable: bool) -> Pair:
        """A new token, with something to renew it or without."""
        refresh = secrets.token_urlsafe(32) if renewable else ""
        pair = Pair(self.people.issue_token(), refresh, scope)
        self.pairs.append(pair)
        return pair

    async def token(self, request: Request) -> Response:
        """`POST /oauth/token`."""
        form = await _form(request)
        try:
            pair = self.pair(self._allowed(form), renewable=True)
        except answers.Refused as refused:
            return refused.response
        return _private(
            {
                "access_token": pair.access,
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "refresh_token": pair.refresh,
                "scope": pair.scope,
                "created_at": int(time.time()),
            }
        )

    async def revoke(self, request: Request) -> Response:
        """`POST /oauth/revoke`: 200 for what is dead already, too."""
        form = await _form(request)
        if not _is_known(form):
            return _private({"error": "unauthorized_client"}, 403)
        self._end(form.get("token", ""))
        return _private({})

    def _allowed(self, form: dict[str, str]) -> str:
        """The scope of what the form brings, which is used up by it."""
        kind = form.get("grant_type", "")
        if kind and kind not in _NEEDED:
            raise _refused("unsupported_grant_type")
        if not all(form.get(name) for name in _NEEDED.get(kind, ("grant_type",))):
            raise _refused("invalid_request")
        if not _is_known(form):
            raise _refused("invalid_client", 401)
        return self._renewed(form) if kind == "refresh_token" else self._redeemed(form)

    def _redeemed(self, form: dict[str, str]) -> str:
        """A try that fails does not burn the code."""
        code, verifier = self.codes.get(form["code"]), form.get("code_verifier", "")
        if code is None or code.redirect_uri != form["redirect_uri"]:
            raise _refused("invalid_grant")
        if code.challenge and not verifier:
            raise _refused("invalid_request")
        if not code.fits(verifier):
            raise _refused("invalid_grant")
        del self.codes[form["code"]]
        return code.scope

    def _renewed(self, form: dict[str, str]) -> str:
        pair = self._end(form["refresh_token"], only_refresh=True)
        if pair is None:
            raise _refused("invalid_grant")
        return pair.scope

    def _end(self, token: str, *, only_refresh: bool = False) -> Pair | None:
        """End the pair that a token is of: killing one kills both."""
        for pair in self.pairs:
            if token and (token == pair.refresh or (token == pair.access and not only_refresh)):
                self.pairs.remove(pair)
                self.people.tokens.pop(pair.access, None)
                return pair
        return None


def scope_of(asked: dict[str, str]) -> str:
    """What was asked for, or the default."""
    return asked.get("scope") or "public"


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


def _is_known(form: dict[str, str]) -> bool:
    return form.get("client_id") == CLIENT and not form.get("client_secret")


def _private(body: dict[str, Any], status: int = 200) -> Response:
    response = answers.answer(body, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused(code: str, status: int = 400) -> answers.Refused:
    """RFC 6749 §5.2; the header says Bearer whatever it is about."""
    response = _private({"error": code, "error_description": f"The sandbox says {code}."}, status)
    response.headers["WWW-Authenticate"] = f'Bearer realm="SeeClickFix", error="{code}"'
    return answers.Refused(response)
