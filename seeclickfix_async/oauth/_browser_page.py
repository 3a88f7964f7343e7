"""The HTML page that a browser shows at the redirect URI, for web applications and the terminal.

It loads nothing from any address. Its script runs before the rest of the page exists: an
authorization response must not stay in the address bar, in the history, or, after a form, in what
a reload would send again.
"""

from __future__ import annotations

from typing import Final

CLEAN_ADDRESS: Final = 'history.replaceState(null, "", location.pathname);'

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<script{nonce}>{script}</script>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style{nonce}>{style}</style>
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

_RELAY = """
const fragment = location.hash, address = location.pathname + location.search;
%s
addEventListener("DOMContentLoaded", async () => {%s});
"""


def browser_page(title: str, body: str, *, script: str = CLEAN_ADDRESS, nonce: str = "") -> str:
    """Return a page.

    Args:
        title: The title, as HTML.
        body: The body, as HTML.
        script: The script, which has to clean the address.
        nonce: The nonce of the Content-Security-Policy, if it has one.
    """
    attribute = f' nonce="{nonce}"' if nonce else ""
    return _PAGE.format(nonce=attribute, script=script, title=title, style=_STYLE, body=body)


def relay_script(send: str) -> str:
    """Return a script that sends the fragment, which only the browser knows, to the server.

    The implicit flow's response is in the fragment (RFC 6749 §4.2.2).

    Args:
        send: JavaScript that sends `fragment` to `address`.
    """
    return _RELAY % (CLEAN_ADDRESS, send)
