"""The authorization page, as Doorkeeper serves it, for both flows (RFC 6749 §4.1 and §4.2)."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

import attrs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from seeclickfix_async.sandbox._gateway import Handler
from seeclickfix_async.sandbox._request_body import parse_oauth_form
from seeclickfix_async.sandbox._routes.token import CLIENT, LIFETIME, TokenRoutes, requested_scope
from seeclickfix_async.sandbox._users import RESIDENT

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_FORM_FIELDS = (
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
    '<button name="{name}" value="{value}">{value}</button></form>'
)


@attrs.define(eq=False)
class AuthorizeRoutes:
    """Shows the page, and redirects with a code, or with a token in the fragment."""

    tokens: TokenRoutes

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers of the page and its buttons."""
        return {
            ("GET", "/oauth/authorize"): self.show,
            ("POST", "/oauth/authorize"): self.submit,
        }

    async def show(self, request: Request) -> Response:
        """Return the page; an invalid request gets an error page with status 200 (observed)."""
        query = dict(request.query_params)
        error = find_error(query)
        if error:
            return _error_page(error)
        if query.get("skip_authorization"):
            return RedirectResponse(self.decide(query), 302)
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(query.get(name, ""))}">'
            for name in _FORM_FIELDS
        )
        buttons = "".join(
            _BUTTON.format(fields=fields, name="answer", value=value)
            for value in ("Authorize", "Deny")
        )
        question = "<p>An application on this machine wants to act for you.</p>"
        return HTMLResponse(_PAGE.format(title="Authorize?", body=question + buttons))

    async def submit(self, request: Request) -> Response:
        """Redirect to the application with the decision."""
        form = await parse_oauth_form(request)
        error = find_error(form)
        if error:
            return _error_page(error)
        deny = form.get("answer") != "Authorize"
        return RedirectResponse(self.decide(form, deny=deny), 302)

    def decide(self, params: dict[str, str], user: int = RESIDENT, *, deny: bool = False) -> str:
        """Return the redirect URL with the decision of a user on a valid request."""
        if deny:
            return _redirect_url(
                params,
                error="access_denied",
                error_description="The resource owner or authorization server denied the request.",
            )
        if params["response_type"] == "code":
            return _redirect_url(params, code=self.tokens.create_code(params, user))
        pair = self.tokens.create_pair(requested_scope(params), user, renewable=False)
        return _redirect_url(
            params,
            access_token=pair.access,
            token_type="Bearer",  # noqa: S106  # a type, not a token
            expires_in=str(LIFETIME),
        )


def _redirect_url(params: dict[str, str], **result: str) -> str:
    """Return the application's URL with a result; a blank state is left out (observed)."""
    if params.get("state", "").strip():
        result["state"] = params["state"]
    uri = params["redirect_uri"]
    separator = "#" if params["response_type"] == "token" else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(result)}"


def _error_page(message: str) -> Response:
    return HTMLResponse(_PAGE.format(title="An error has occurred", body=escape(message)))


def find_error(params: dict[str, str]) -> str:
    """Return what is wrong with a request, in words of the sandbox's own; empty if nothing is."""
    if params.get("client_id") != CLIENT:
        return f"This application is not known. The sandbox knows {CLIENT!r}."
    if not _is_allowed_redirect(params.get("redirect_uri", "")):
        return (
            "The redirect URI is not one of this application. The sandbox allows any https URL "
            "without a fragment, and http on this machine."
        )
    if params.get("response_type") not in ("token", "code"):
        return "This response type is not supported."
    method = params.get("code_challenge_method")
    if params.get("code_challenge") and method not in ("plain", "S256"):
        return "The method of the code challenge is not known."
    if requested_scope(params) not in ("public", "write", "public write"):
        return "This scope is not known."
    return ""


def _is_allowed_redirect(redirect_uri: str) -> bool:
    try:
        redirect = urlsplit(redirect_uri)
    except ValueError:
        return False
    is_loopback = redirect.scheme == "http" and redirect.hostname in _LOOPBACK
    return (is_loopback or redirect.scheme == "https") and not redirect.fragment
