"""Checks of incoming requests, and of the path to redirect to."""

from __future__ import annotations

from contextlib import aclosing
from urllib.parse import parse_qsl, quote

from starlette.requests import Request

from seeclickfix_async._core.credentials import Origin, parse_origin
from seeclickfix_async._core.secret import Secret

_RESERVED = "!#$%&'()*+,/:;=?@[]"  # RFC 3986 §2.2, and % for encoded characters

MAX_PATH = 1000
"""Characters of a path to return to, encoded: it is stored in a cookie."""

MAX_FORM = 65_536
"""Bytes of a posted form: the longest valid fragment, with each character encoded."""


def as_own_path(wanted: str) -> str:
    """Return the encoded path if it stays on the own site and is not too long, otherwise `/`.

    To a browser a leading `//` starts another host, and a backslash is a slash (WHATWG URL).
    """
    path = wanted.partition("?")[0].partition("#")[0]
    if not path.startswith("/") or "//" in path or "\\" in wanted:
        return "/"
    encoded = quote(wanted, safe=_RESERVED, errors="replace")
    return encoded if len(encoded) <= MAX_PATH else "/"


def is_from_own_site(request: Request, origin: Origin) -> bool:
    """Return True if a page of the own site sent the request.

    `Sec-Fetch-Site` decides if it is present: with `Referrer-Policy: no-referrer` the browser's
    `Origin` is "null" even for the own site (Fetch standard; observed).
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    try:
        return parse_origin(request.headers.get("Origin", "")) == origin
    except ValueError:
        return False


async def read_posted_fragment(request: Request) -> Secret | None:
    """Return the fragment of the relay page's form, or None if the form is too large.

    The fragment is empty if the form is not the relay page's.
    """
    body = bytearray()
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_FORM:
                return None
    try:
        ((name, fragment),) = parse_qsl(body.decode("ascii", "replace"), max_num_fields=1)
    except ValueError:
        return Secret("#")
    return Secret("#" + fragment.removeprefix("#") if name == "fragment" else "#")
