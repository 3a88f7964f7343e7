"""The places: the city and its county."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._gateway import Handler, origin
from seeclickfix_async.sandbox._listing import PLACE_URL, paginate
from seeclickfix_async.sandbox._streets import CENTER

_PLACES = (("Example City", PLACE_URL, "City"), ("Example County", "example-county", "County"))


def handlers() -> dict[tuple[str, str], Handler]:
    """Return the handlers by method and path."""
    return {("GET", "/places"): list_places, ("GET", "/places/{id:int}"): show_place}


async def list_places(request: Request) -> Response:
    """`GET /places`."""
    query = dict(request.query_params)
    if not {"lat", "lng"} <= set(query):
        return responses.point_missing()
    page = paginate(example_places(origin(request)), request.url, query)
    body = responses.collection("places", list(page.rows), page.pagination)
    return responses.cacheable(request, body)


async def show_place(request: Request) -> Response:
    """`GET /places/:id`."""
    for place in example_places(origin(request)):
        if place["id"] == request.path_params["id"]:
            return responses.cacheable(request, place)
    return responses.not_found()


def example_places(origin: str) -> list[dict[str, Any]]:
    """Return all places (documented shape)."""
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
        for number, (name, url_name, kind) in enumerate(_PLACES)
    ]
