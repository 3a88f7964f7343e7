"""Changes of the responses of a sandbox, where its settings differ from what was observed."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.responses import Response

from seeclickfix_async.sandbox._settings import Settings

FRACTION = 0.5
"""The fraction of all times, in seconds, if they have one."""

_DIGITS = f"{FRACTION:.3f}".removeprefix("0")
_OBSERVED = Settings()
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([-+]\d\d:\d\d)")
_ROOTS = {"issues": "issue", "comments": "comment", "request_types": "request_type"}
_STATUS_EVERY = 7  # issues, one of which has an unknown status


def vary(response: Response, settings: Settings) -> Response:
    """Change a response as the settings say; those of the observed service change nothing."""
    if not settings.etags:
        for name in ("etag", "last-modified"):
            if name in response.headers:
                del response.headers[name]
    if _content(settings) == _content(_OBSERVED) or not _is_json(response):
        return response
    document = _vary_value(msgspec.json.decode(response.body), settings)
    response.body = msgspec.json.encode(document)
    response.headers["content-length"] = str(len(response.body))
    return response


def _content(settings: Settings) -> tuple[Any, ...]:
    return (
        settings.whole_seconds,
        settings.entries,
        settings.missing_fields,
        settings.unknown_fields,
        settings.unknown_statuses,
    )


def _is_json(response: Response) -> bool:
    return bool(response.body) and "json" in response.headers.get("content-type", "")


def _vary_value(value: Any, settings: Settings, path: str = "") -> Any:
    """Return a part of a response, changed; `path` is that of an object below a row, or empty."""
    match value:
        case str() if not settings.whole_seconds:
            return _TIME.sub(rf"\g<1>{_DIGITS}\2", value)
        case list():
            return [_vary_value(item, settings, path) for item in value]
        case dict():
            return _vary_object(value, settings, path)
        case _:
            return value


def _vary_object(row: dict[str, Any], settings: Settings, path: str) -> dict[str, Any]:
    if not path and "summary" in row:
        path = "issue"
    if path == "issue" and settings.unknown_statuses and row["id"] % _STATUS_EVERY == 0:
        statuses = settings.unknown_statuses
        row = {**row, "status": statuses[row["id"] % 11 % len(statuses)]}
    varied = {
        name: _vary_value(value, settings, f"{path}.{name}" if path else _ROOTS.get(name, ""))
        for name, value in row.items()
        if f"{path}.{name}" not in settings.missing_fields
        and not (name == "entries" and not settings.entries)
    }
    if path and row:
        parents = (name.rpartition(".") for name in settings.unknown_fields)
        varied |= {name: True for parent, _, name in parents if parent == path}
    return varied
