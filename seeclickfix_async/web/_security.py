"""What may come in, and where the browser may be sent on."""

from __future__ import annotations

from contextlib import aclosing
from urllib.parse import parse_qsl, quote

from starlette.requests import Request

from seeclickfix_async._core.credentials import Origin, parse_origin
from seeclickfix_async._core.secret import Secret

_LONGEST_PATH = 1000
_RESERVED = "!#$%&'()*+,/:;=?@[]"  # RFC 3986 §2.2, and what is encoded already

LARGEST_FORM = 65_536
"""Bytes of a posted answer: the longest that can be read, with each character encoded."""


def own_path(wanted: str) -> str:
    """A path of the own site; whatever could lead elsewhere is the site's root.

    A browser takes `//` in front for another host, and a backslash for a slash (WHATWG URL).
    """
    path = wanted.partition("?")[0].partition("#")[0]
    if not path.startswith("/") or "//" in path or "\\" in wanted or len(wanted) > _LONGEST_PATH:
        return "/"
    return quote(wanted, safe=_RESERVED, errors="replace")


def from_own_site(request: Request, origin: Origin) -> bool:
    """Whether a page of the own site sent this.

    `Sec-Fetch-Site` counts where it is sent: with `Referrer-Policy: no-referrer` the browser's
    `Origin` is "null" even for the own site (Fetch standard; observed).
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    try:
        return parse_origin(request.headers.get("Origin", "")) == origin
    except ValueError:
        return False


async def posted_answer(request: Request) -> Secret | None:
    """The fragment in the relay page's form; None when the form is too large.

    A form that is not the relay page's holds an empty one.
    """
    body = bytearray()
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > LARGEST_FORM:
                return None
    try:
        ((name, answer),) = parse_qsl(body.decode("ascii", "replace"), max_num_fields=1)
    except ValueError:
        return Secret("#")
    return Secret("#" + answer.removeprefix("#") if name == "answer" else "#")
