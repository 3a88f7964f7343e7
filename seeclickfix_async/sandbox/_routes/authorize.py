"""The authorization page, as Doorkeeper serves it, of both flows (RFC 6749 §4.1 and §4.2)."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from seeclickfix_async.sandbox._routes.token import CLIENT, LIFETIME, TokenRoutes, scope_of

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_KEPT = (
    "client_id",
    "redirect_uri",
    "state",
    "response_type",
    "scope",
    "code_challenge",
    "code_challenge_method",
)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>body{{font:1.1rem system-ui;max-width:30rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.4rem;margin:.5rem .5rem 0 0}}</style>
<h1>{title}</h1>{body}</html>"""
_BUTTON = (
    '<form method="post" style="display:inline">{fields}'
    '<button name="answer" value="{answer}">{answer}</button></form>'
)


@attrs.define(eq=False)
class AuthorizeRoutes:
    """Asks the person, and sends the browser back with a code, or with a token in the fragment."""

    grants: TokenRoutes

    def routes(self) -> list[Route]:
        """The page and what its buttons do."""
        return [
            Route("/oauth/authorize", self.ask, methods=["GET"]),
            Route("/oauth/authorize", self.decide, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """The page; an error is shown to the person, with status 200 (observed)."""
        query = dict(request.query_params)
        fault = _fault(query)
        if fault:
            return HTMLResponse(_PAGE.format(title="An error has occurred", body=escape(fault)))
        if query.get("skip_authorization"):
            return self._grant(query)
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(query.get(name, ""))}">'
            for name in _KEPT
        )
        buttons = "".join(
            _BUTTON.format(fields=fields, answer=answer) for answer in ("Authorize", "Deny")
        )
        asks = "<p>An application on this machine wants to act for you.</p>"
        return HTMLResponse(_PAGE.format(title="Authorize?", body=asks + buttons))

    async def decide(self, request: Request) -> Response:
        """The redirect back."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        fault = _fault(form)
        if fault:
            return HTMLResponse(_PAGE.format(title="An error has occurred", body=escape(fault)))
        if form.get("answer") == "Authorize":
            return self._grant(form)
        return _back(
            form,
            error="access_denied",
            error_description="The resource owner or authorization server denied the request.",
        )

    def _grant(self, asked: dict[str, str]) -> Response:
        if asked["response_type"] == "code":
            return _back(asked, code=self.grants.code(asked))
        return _back(
            asked,
            access_token=self.grants.pair(scope_of(asked), renewable=False).access,
            token_type="Bearer",  # noqa: S106  # a kind, not a token
            expires_in=str(LIFETIME),
        )


def _back(asked: dict[str, str], **answer: str) -> Response:
    """A blank state does not come back; a code's answer stands in the query (observed)."""
    if asked.get("state", "").strip():
        answer["state"] = asked["state"]
    uri = asked["redirect_uri"]
    sign = "#" if asked["response_type"] == "token" else "&" if "?" in uri else "?"
    return RedirectResponse(f"{uri}{sign}{urlencode(answer)}", 302)


def _fault(asked: dict[str, str]) -> str:
    """What the person is told when the request is wrong (observed wording is not copied)."""
    if asked.get("client_id") != CLIENT:
        return f"This application is not known. The sandbox knows {CLIENT!r}."
    if not _leads_back(asked.get("redirect_uri", "")):
        return "The redirect URI is not one of this application."
    if asked.get("response_type") not in ("token", "code"):
        return "This response type is not supported."
    if asked.get("code_challenge") and asked.get("code_challenge_method") not in ("plain", "S256"):
        return "The method of the code challenge is not known."
    if scope_of(asked) not in ("public", "write", "public write"):
        return "This scope is not known."
    return ""


def _leads_back(redirect_uri: str) -> bool:
    try:
        redirect = urlsplit(redirect_uri)
    except ValueError:
        return False
    here = redirect.scheme == "http" and redirect.hostname in _LOOPBACK
    return (here or redirect.scheme == "https") and not redirect.fragment
