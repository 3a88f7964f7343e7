"""The pages of the login: static, and without a request to another address."""

from __future__ import annotations

import secrets
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

from seeclickfix_async.oauth._browser_page import CLEAN_ADDRESS, browser_page, relay_script
from seeclickfix_async.web._error_messages import Problem

_SUBMIT = """
  const found = fragment.length > 1;
  document.getElementById(found ? "wait" : "nothing").hidden = false;
  if (found) {
    const form = document.forms[0];
    form.action = address;
    form.elements.fragment.value = fragment;
    form.submit();
  }
"""

_RELAY = """<main id="wait" role="status" hidden>
<h1>Signing you in…</h1>
<p>One moment, please.</p>
<form method="post"><input type="hidden" name="fragment"></form>
</main>
<main id="nothing" hidden>
<h1>There is nothing to do here</h1>
<p>This page completes a sign-in with SeeClickFix, but your browser did not bring a response from
SeeClickFix. That happens when the page is opened directly or a second time.</p>
<p><a href="login">Sign in</a></p>
</main>
<noscript>
<h1>Scripts are turned off</h1>
<p>Your browser does not run scripts on this page, and the last step of signing in needs one. Allow
scripts for this site, then sign in again.</p>
<p>Do not share the address of this page: with it, others can use your account.</p>
<p><a href="login">Sign in again</a></p>
</noscript>"""

_PROBLEM = """<main>
<h1>{title}</h1>
<p>{explanation}</p>
<p><a href="{again}">Sign in again</a></p>
</main>"""


def relay_page() -> Response:
    """Return the page that posts the implicit flow's fragment to its own address, as a form."""
    return _page(200, "Signing in", _RELAY, relay_script(_SUBMIT))


def problem_page(problem: Problem, path: str) -> Response:
    """Return a page that explains a problem and offers to sign in again.

    Args:
        problem: The problem.
        path: The path to open after signing in again.
    """
    again = "login" if path == "/" else f"login?next={quote(path, safe='/')}"
    title, explanation = escape(problem.title), escape(problem.explanation)
    body = _PROBLEM.format(title=title, explanation=explanation, again=escape(again))
    return _page(problem.status, title, body, CLEAN_ADDRESS)


def _page(status: int, title: str, body: str, script: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(
        browser_page(title, body, script=script, nonce=nonce),
        status,
        headers={"Content-Security-Policy": policy},
    )


def private(response: Response) -> Response:
    """Make a response of the login uncacheable, and its address invisible to other sites.

    A redirect that would repeat the relay page's form, with the token in it, becomes one that
    only opens the new address (303).
    """
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.status_code in (307, 308):
        response.status_code = 303
    return response
