"""The token endpoint: exchange, refresh, revocation and token information (observed)."""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._gateway import Handler, bearer_token
from seeclickfix_async.sandbox._request_body import parse_oauth_form
from seeclickfix_async.sandbox._users import RESIDENT, Users

CLIENT = "sandbox-client"
"""The id of the only application that is registered: a public client, without a secret."""

LIFETIME = 7200
"""The seconds after which access tokens expire, the provider's default."""

_REQUIRED = {"authorization_code": ("code", "redirect_uri"), "refresh_token": ("refresh_token",)}


@attrs.frozen
class IssuedCode:
    """An authorization code that was not exchanged yet."""

    redirect_uri: str
    scope: str
    challenge: str
    method: str
    user: int

    def accepts(self, verifier: str) -> bool:
        """Return whether the verifier fits the challenge; without a challenge, it must be empty."""
        if not verifier or self.method == "plain":
            return verifier == self.challenge
        digest = hashlib.sha256(verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge


@attrs.frozen
class TokenPair:
    """An access token and its refresh token, which is empty after the implicit flow."""

    access: str
    refresh: str
    scope: str
    user: int
    created_at: int

    def as_json(self) -> dict[str, Any]:
        """Return the body of a token response (RFC 6749 §5.1)."""
        return {
            "access_token": self.access,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "refresh_token": self.refresh,
            "scope": self.scope,
            "created_at": self.created_at,
        }


@attrs.define(eq=False)
class TokenRoutes:
    """The token endpoint, with its codes and token pairs.

    A refresh revokes the old pair at once, as some providers do; others revoke it at the first use
    of the new one.
    """

    users: Users
    codes: dict[str, IssuedCode] = attrs.field(factory=dict)
    pairs: list[TokenPair] = attrs.field(factory=list)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers of what an application requests without a browser."""
        return {
            ("POST", "/oauth/token"): self.token,
            ("POST", "/oauth/revoke"): self.revoke,
            ("GET", "/oauth/token/info"): self.info,
        }

    def create_code(self, params: dict[str, str], user: int = RESIDENT) -> str:
        """Create an authorization code for an authorized request."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = IssuedCode(
            params["redirect_uri"],
            requested_scope(params),
            params.get("code_challenge", ""),
            params.get("code_challenge_method", ""),
            user,
        )
        return code

    def create_pair(self, scope: str, user: int = RESIDENT, *, renewable: bool) -> TokenPair:
        """Create an access token; a renewable one has a refresh token."""
        refresh = secrets.token_urlsafe(32) if renewable else ""
        access = self.users.issue_token(user, LIFETIME)
        pair = TokenPair(access, refresh, scope, user, int(self.users.now().timestamp()))
        self.pairs.append(pair)
        return pair

    async def token(self, request: Request) -> Response:
        """`POST /oauth/token`."""
        form = await parse_oauth_form(request)
        try:
            pair = self.create_pair(*self._grant(form), renewable=True)
        except responses.RefusedError as refusal:
            return refusal.response
        return _json_no_store(pair.as_json())

    async def revoke(self, request: Request) -> Response:
        """`POST /oauth/revoke`: 200 for an unknown token, too."""
        form = await parse_oauth_form(request)
        if not _is_known_client(form):
            return _json_no_store({"error": "unauthorized_client"}, 403)
        self._revoke_pair(form.get("token", ""))
        return _json_no_store({})

    async def info(self, request: Request) -> Response:
        """`GET /oauth/token/info`: the owner, scope and application of a valid token.

        The tokens of `sandbox._users` stand for personal ones, which belong to no application.
        """
        token = bearer_token(request) or request.query_params.get("access_token", "")
        user = self.users.find(token)
        if user is None:
            return _oauth_error("invalid_token", 401, state="unauthorized").response
        pair = next((pair for pair in self.pairs if pair.access == token), None)
        return _json_no_store(
            {
                "resource_owner_id": user,
                "scope": pair.scope.split() if pair else [],
                "expires_in": self._seconds_left(token) if pair else None,
                "application": {"uid": CLIENT if pair else None},
                "created_at": pair.created_at if pair else int(self.users.now().timestamp()),
            }
        )

    def _seconds_left(self, token: str) -> int:
        return math.ceil((self.users.ends[token] - self.users.now()).total_seconds())

    def _grant(self, form: dict[str, str]) -> tuple[str, int]:
        """Consume the code or refresh token of a form; return its scope and user."""
        grant_type = form.get("grant_type", "")
        if grant_type and grant_type not in _REQUIRED:
            raise _oauth_error("unsupported_grant_type")
        if not all(form.get(name) for name in _REQUIRED.get(grant_type, ("grant_type",))):
            raise _oauth_error("invalid_request")
        if not _is_known_client(form):
            raise _oauth_error("invalid_client", 401)
        if grant_type == "refresh_token":
            return self._use_refresh_token(form)
        return self._redeem_code(form)

    def _redeem_code(self, form: dict[str, str]) -> tuple[str, int]:
        """Return the scope and user of a code; a failed attempt does not consume it."""
        code, verifier = self.codes.get(form["code"]), form.get("code_verifier", "")
        if code is None or code.redirect_uri != form["redirect_uri"]:
            raise _oauth_error("invalid_grant")
        if code.challenge and not verifier:
            raise _oauth_error("invalid_request")
        if not code.accepts(verifier):
            raise _oauth_error("invalid_grant")
        del self.codes[form["code"]]
        return code.scope, code.user

    def _use_refresh_token(self, form: dict[str, str]) -> tuple[str, int]:
        pair = self._revoke_pair(form["refresh_token"], only_refresh=True)
        if pair is None:
            raise _oauth_error("invalid_grant")
        return pair.scope, pair.user

    def _revoke_pair(self, token: str, *, only_refresh: bool = False) -> TokenPair | None:
        """Revoke both tokens of the pair that a token belongs to."""
        for pair in self.pairs:
            if token and (token == pair.refresh or (token == pair.access and not only_refresh)):
                self.pairs.remove(pair)
                self.users.end_token(pair.access)
                return pair
        return None


def requested_scope(params: dict[str, str]) -> str:
    """Return the requested scope, or the default."""
    return params.get("scope") or "public"


def _is_known_client(form: dict[str, str]) -> bool:
    return form.get("client_id") == CLIENT and not form.get("client_secret")


def _json_no_store(body: dict[str, Any], status: int = 200) -> Response:
    response = responses.json_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _oauth_error(code: str, status: int = 400, **more: str) -> responses.RefusedError:
    """Return an error of RFC 6749 §5.2; its challenge is always Bearer."""
    response = _json_no_store(
        {"error": code, "error_description": f"The sandbox says {code}.", **more}, status
    )
    response.headers["WWW-Authenticate"] = f'Bearer realm="SeeClickFix", error="{code}"'
    return responses.RefusedError(response)
