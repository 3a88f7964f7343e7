"""Bulletin boards, which the service's apps request."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.listing_queries import PointQuery
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.query import format_param
from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._api.unverified import read_unverified_page
from seeclickfix_async._core.numbers import Number
from seeclickfix_async.models import BulletinBoard

_ROOT = "/api/v3"


@attrs.frozen
class BulletinBoards:
    """`client.bulletin_boards`: API v3, observed in the service's apps, unverified."""

    _api: Requestor = attrs.field(repr=False)

    async def near(self, *, lat: Number, lng: Number) -> Page[BulletinBoard]:
        """Return the bulletin boards at a point.

        The parameter was observed; that its value is `lat,lng`, and the form of the response, are
        assumed. Unknown members are in `BulletinBoard.fields`, the rest in `Page.response`.

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: An argument is out of bounds.
            DecodeError: The response contains no list.
        """
        point = PointQuery(lat=lat, lng=lng)
        value = f"{format_param(point.lat)},{format_param(point.lng)}"
        api = attrs.evolve(self._api, root=_ROOT)
        response = await api.get("/bulletin_boards", params=[("filter[point]", value)])
        hook = api.transport.hook
        return read_unverified_page(response, BulletinBoard, "bulletin_boards", hook=hook)
