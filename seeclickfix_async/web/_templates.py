"""The pages of the login: static, of one piece, and without any request to anybody."""

from __future__ import annotations

import secrets
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

from seeclickfix_async.web._error_messages import Problem

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<script nonce="{nonce}">{script}</script>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style nonce="{nonce}">{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark }
body { font: 1.125rem/1.6 system-ui, sans-serif; overflow-wrap: break-word;
  max-width: 32rem; margin: 12vh auto 2rem; padding: 0 1.25rem }
h1 { font-size: 1.625rem; line-height: 1.25; margin: 0 0 1rem }
a { display: inline-block; margin-top: .5rem; padding: .625rem 1.5rem; border-radius: .5rem;
  background: #1457a8; color: #fff; text-decoration: none }
a:focus-visible { outline: .1875rem solid; outline-offset: .1875rem }
[hidden] { display: none }
"""

# An address with an answer in it must not stay in the address bar, in the history, or, after a
# form, in what a reload would send again.
_CLEAN = 'history.replaceState(null, "", location.pathname)'

_RELAY_SCRIPT = """
const { hash, pathname, search } = location;
history.replaceState(null, "", pathname);
addEventListener("DOMContentLoaded", () => {
  const came = hash.length > 1;
  document.getElementById(came ? "wait" : "nothing").hidden = false;
  if (came) {
    const form = document.forms[0];
    form.action = pathname + search;
    form.elements.answer.value = hash;
    form.submit();
  }
});
"""

_RELAY = """<main id="wait" role="status" hidden>
<h1>Signing you in…</h1>
<p>One moment, please.</p>
<form method="post"><input type="hidden" name="answer"></form>
</main>
<main id="nothing" hidden>
<h1>There is nothing to do here</h1>
<p>This page finishes a sign-in with SeeClickFix, but your browser brought no answer back from
there. That happens when the page is opened by itself or a second time.</p>
<p><a href="login">Sign in</a></p>
</main>
<noscript>
<h1>One step is missing</h1>
<p>Your browser runs no scripts here, and the last step of signing in needs one. Allow scripts for
this site, then sign in again.</p>
<p>Do not pass on the address of this page: what it holds opens your account.</p>
<p><a href="login">Sign in again</a></p>
</noscript>"""

_PROBLEM = """<main>
<h1>{title}</h1>
<p>{words}</p>
<p><a href="{again}">Sign in again</a></p>
</main>"""


def relay_page() -> Response:
    """Takes the implicit flow's answer from the fragment, which no server is sent, and posts it.

    Its script runs before anything else of the page is there: first the answer leaves the address
    bar and the history, then a form takes it to the same address.
    """
    return _page(200, "Signing in", _RELAY, _RELAY_SCRIPT)


def problem_page(problem: Problem, path: str) -> Response:
    """Says in plain words what happened and what to do.

    Args:
        problem: What happened.
        path: Where the person wants to be after signing in again.
    """
    again = "login" if path == "/" else f"login?next={quote(path, safe='/')}"
    title, words = escape(problem.title), escape(problem.words)
    body = _PROBLEM.format(title=title, words=words, again=escape(again))
    return _page(problem.status, title, body, _CLEAN)


def _page(status: int, title: str, body: str, script: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    html = _PAGE.format(nonce=nonce, script=script, title=title, style=_STYLE, body=body)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(html, status, headers={"Content-Security-Policy": policy})


def private(response: Response) -> Response:
    """Whatever answers a login is for one browser, once, and tells no other site where it was.

    A redirect that would send the relay page's form on, token and all, sends the browser only.
    """
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.status_code in (307, 308):
        response.status_code = 303
    return response
