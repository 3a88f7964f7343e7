"""The places that the sandbox knows."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import CENTER
from seeclickfix_async.sandbox._gateway import Handler, origin
from seeclickfix_async.sandbox._listing import PLACE_URL, window

_NAMES = (("Example City", PLACE_URL, "City"), ("Example County", "example-county", "County"))


def table() -> dict[tuple[str, str], Handler]:
    """The routes."""
    return {("GET", "/places"): near, ("GET", "/places/{id:int}"): one}


async def near(request: Request) -> Response:
    """`GET /places`."""
    query = dict(request.query_params)
    if not {"lat", "lng"} <= set(query):
        return answers.no_point()
    page = window(_places(origin(request)), str(request.url.replace(query="")), query, most=100)
    body = answers.collection("places", list(page.rows), page.pagination)
    return answers.fresh(request, body)


async def one(request: Request) -> Response:
    """`GET /places/:id`."""
    for place in _places(origin(request)):
        if place["id"] == request.path_params["id"]:
            return answers.fresh(request, place)
    return answers.no_such_thing()


def _places(origin: str) -> list[dict[str, Any]]:
    """All of them (documented shape)."""
    lat, lng = CENTER
    return [
        {
            "id": 7001 + number,
            "name": name,
            "url_name": url_name,
            "county": "Example",
            "state": "EX",
            "center": {"type": "Point", "coordinates": [lng, lat]},
            "place_type": kind,
            "avatar": {"full": None, "square": None},
            "url": f"{origin}/api/v2/places/{7001 + number}",
            "html_url": f"{origin}/{url_name}",
            "html_report_url": f"{origin}/{url_name}/report",
        }
        for number, (name, url_name, kind) in enumerate(_NAMES)
    ]
