"""Places that the service covers."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.area import PlaceArea
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.point_query import PointQuery, plain_params
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Place

_WITHIN = 100  # of the nearest places, for a name


@attrs.frozen
class Places:
    """`client.places`. Source: API page "Places"."""

    _api: Requestor = attrs.field(repr=False)

    def near(
        self, *, lat: float, lng: float, page: int = 1, per_page: int | None = None
    ) -> Pager[Place]:
        """List the places at a point, nearest first (documented).

        A place's `url_name` is what `PlaceArea` takes.

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.
            page: The page to begin with, from 1.
            per_page: Places on a page.

        Raises:
            InvalidArgumentError: The point or the paging is none.
        """
        query = PointQuery(lat=lat, lng=lng, per_page=per_page)
        route = CollectionRoute(Place, "places", "/places", plain_params(query))
        return self._api.pager(route, page)

    async def resolve(self, name: str, *, lat: float, lng: float) -> PlaceArea:
        """The place of this name near a point, as an area to list issues in.

        Its `place_url` cannot be guessed from the name: many have a number at their end (observed).

        Args:
            name: As people write it, `Example City` or `Example City, EX`; capitals do not matter.
            lat: Latitude of a point in or near it, in degrees.
            lng: Longitude of that point, in degrees.

        Raises:
            InvalidArgumentError: None of the 100 nearest places has this name, or several have;
                the message names them.
        """
        wanted = validation.non_empty_str("name", name).strip().casefold()
        nearest = await self.near(lat=lat, lng=lng, per_page=_WITHIN)
        found = [place for place in nearest if place.url_name and wanted in _names(place)]
        if len(found) == 1:
            return PlaceArea(found[0].url_name or "")
        told = ", ".join(f"{place.name} ({place.url_name})" for place in found or nearest)
        many = "several places have this name" if found else "no place near there has this name"
        raise InvalidArgumentError(
            "name",
            f"{many}: {told}.",
            code="ambiguous_name",
            advice="Pass one of them as PlaceArea.",
        )

    async def get(self, id: int) -> Place:
        """One place.

        Raises:
            NotFoundError: There is none of this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(Place, "/places/{id}", id=number)


def _names(place: Place) -> set[str]:
    name = (place.name or "").casefold()
    return {name, f"{name}, {(place.state or '').casefold()}", (place.url_name or "").casefold()}
