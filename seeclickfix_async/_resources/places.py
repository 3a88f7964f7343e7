"""Places that the service covers."""

from __future__ import annotations

from typing import SupportsIndex

import attrs

from seeclickfix_async._api.area import PlaceArea
from seeclickfix_async._api.listing_queries import PointQuery, plain_params
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id, Number
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Place

_NEAREST = 100  # places, among which a name is looked up


@attrs.frozen
class Places:
    """`client.places`. Source: API page "Places"."""

    _api: Requestor = attrs.field(repr=False)

    def near(
        self,
        *,
        lat: Number,
        lng: Number,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
    ) -> Pager[Place]:
        """List the places at a point, nearest first (documented).

        A place's `url_name` is what `PlaceArea` takes.

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.
            page: The first page, from 1.
            per_page: Places per page.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        query = PointQuery(lat=lat, lng=lng, per_page=per_page)
        route = CollectionRoute(Place, "places", "/places", plain_params(query))
        return self._api.pager(route, page)

    async def resolve(self, name: str, *, lat: Number, lng: Number) -> PlaceArea:
        """Find a place by its name near a point, and return it as an area for listing issues.

        A `place_url` cannot be derived from the name: many end in a number (observed).

        Args:
            name: Such as `Example City` or `Example City, EX`, in upper or lower case.
            lat: Latitude of a point in or near it, in degrees.
            lng: Longitude of that point, in degrees.

        Raises:
            InvalidArgumentError: None of the 100 nearest places has this name, or several have it.
                The message lists the candidates.
        """
        folded = validation.non_empty_str("name", name).strip().casefold()
        nearest = await self.near(lat=lat, lng=lng, per_page=_NEAREST)
        matches = [place for place in nearest if place.url_name and folded in _names(place)]
        if len(matches) == 1:
            return PlaceArea(matches[0].url_name or "")
        candidates = ", ".join(f"{place.name} ({place.url_name})" for place in matches or nearest)
        reason = "several places have this name" if matches else "no place nearby has this name"
        raise InvalidArgumentError(
            "name",
            f"{reason}. Candidates: {candidates}.",
            code="ambiguous_name",
            advice="Pass the url_name in parentheses as PlaceArea.",
        )

    async def get(self, id: Id) -> Place:
        """Return a place.

        Raises:
            NotFoundError: There is no place with this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(Place, "/places/{id}", id=number)


def _names(place: Place) -> set[str]:
    name = (place.name or "").casefold()
    return {name, f"{name}, {(place.state or '').casefold()}", (place.url_name or "").casefold()}
