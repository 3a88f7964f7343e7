"""What a write brings: JSON or a form, read the way Rails reads it."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from seeclickfix_async.sandbox import _responses as answers

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_KEYS = re.compile(r"\[([^\]]*)\]")


async def parse_body(request: Request) -> dict[str, Any]:
    """The body as nested keys; the content of files as bytes.

    Raises:
        Refused: It is no JSON object (documented: 400).
    """
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return await _json(request)
    nested: dict[str, Any] = {}
    await request.body()  # who hangs up half way must not leave an open file in the parser
    async with request.form() as form:
        for name, value in form.multi_items():
            _put(nested, name, await value.read() if isinstance(value, UploadFile) else value)
    return nested


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise answers.Refused(answers.unreadable())
    return body


def _put(nested: dict[str, Any], name: str, value: Any) -> None:
    """Take `answers[400][]` for one more item of the list `400` in `answers`."""
    path = [name.partition("[")[0], *_KEYS.findall(name)]
    listed = path[-1] == ""
    *way, last = path[:-1] if listed else path
    for key in way:
        nested = nested.setdefault(key, {})
    if listed:
        nested.setdefault(last, []).append(value)
    else:
        nested[last] = value
