"""Request bodies: JSON, or a form that is read as Rails reads it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

from seeclickfix_async.sandbox import _responses as responses

_FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
_KEYS = re.compile(r"\[([^\]]*)\]")


async def parse_body(request: Request) -> dict[str, Any]:
    """Return the body as nested dicts, and the content of files as bytes.

    Raises:
        RefusedError: The body is not a JSON object (400, documented), or is a form in which one
            field is both a value and an object, or a list.
    """
    if not request.headers.get("content-type", "").startswith(_FORM_TYPES):
        return await _parse_json(request)
    nested: dict[str, Any] = {}
    await request.body()  # all of it: after a disconnect, the parser would leak an open file
    async with request.form() as form:
        for name, value in form.multi_items():
            content = await value.read() if isinstance(value, UploadFile) else value
            try:
                _insert(nested, name, content)
            except (AttributeError, TypeError):
                raise responses.RefusedError(responses.invalid_json()) from None
    return nested


async def parse_oauth_form(request: Request) -> dict[str, str]:
    """Return the fields of an OAuth form (RFC 6749 Appendix B); invalid UTF-8 is replaced."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


async def _parse_json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise responses.RefusedError(responses.invalid_json())
    return body


def _insert(nested: dict[str, Any], name: str, value: Any) -> None:
    """Insert a form field: `answers[400][]` appends to the list `400` in `answers`."""
    path = [name.partition("[")[0], *_KEYS.findall(name)]
    is_list = len(path) > 1 and path[-1] == ""
    *parents, last = path[:-1] if is_list else path
    for key in parents:
        nested = nested.setdefault(key, {})
    if is_list:
        nested.setdefault(last, []).append(value)
    else:
        nested[last] = value
