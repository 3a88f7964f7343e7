"""`scf api`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from cyclopts import Parameter

from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.options import SITE, SiteOptions
from seeclickfix_async._cli.session import make_client, require_loopback
from seeclickfix_async._cli.terminal import encode_json, multiline, out, print_raw
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError

_WITH_BODY = ("POST", "PUT", "PATCH")


async def api(
    method: str,
    path: str,
    /,
    *,
    field: Annotated[tuple[str, ...], Parameter(name=["--field", "-f"], show_default=False)] = (),
    data: str | None = None,
    options: SiteOptions = SITE,
) -> int:
    """Send a request to any path of the API, and print the body of the response.

    It is subject to the same rate limiter as all commands, and only the site's own origin receives
    the token. On a terminal, JSON is indented; in a pipe, the body is printed as it was received.

    Args:
        method: An HTTP method, such as GET.
        path: A path of the API, such as /issues, or a URL from a response; it may contain a query.
        field: A parameter of the query, as name=value; repeat it for several.
        data: The body as JSON; @FILE reads it from a file, and @- from standard input.
    """
    method = method.upper()
    if (data is not None) != (method in _WITH_BODY):
        reason = (
            "requires a body: use --data '{}' for an empty one."
            if data is None
            else "sends no body. Use -f name=value for the query."
        )
        raise InvalidArgumentError("data", f"{method} {reason}")
    if field:
        path += ("&" if "?" in path else "?") + urlencode([*map(_parse_field, field)])
    if options.no_limit and "://" in path:
        require_loopback(path)
    body = None if data is None else _read_json(data)
    async with make_client(options) as client:
        response = await client.request(method, path, json=body)
    _print_body(response.content)
    return OK


def _parse_field(field: str) -> tuple[str, str]:
    name, separator, value = field.partition("=")
    if not name or not separator:
        raise InvalidArgumentError("field", "must have the form name=value.")
    validation.non_empty_str("field", field)
    return name, value


def _read_json(data: str) -> Any:
    try:
        if data == "@-":
            data = sys.stdin.read()
        elif data.startswith("@"):
            data = Path(data[1:]).read_text("utf-8")
        value = json.loads(data)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}."
    except (ValueError, RecursionError):
        reason = "must be JSON, or @FILE with JSON."
    else:
        if isinstance(value, (dict, list)):
            return value
        reason = "must be an object or an array of JSON."
    raise InvalidArgumentError("data", reason)


def _print_body(content: bytes) -> None:
    if not out.file.isatty():
        print_raw(content)
        return
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        out.print(multiline(content.decode(errors="replace")))
    else:
        print_raw(encode_json(value, out.encoding, indent=2))
