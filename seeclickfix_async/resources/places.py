"""Places that the service covers."""

from __future__ import annotations

import attrs

from seeclickfix_async import checks
from seeclickfix_async.api import Api
from seeclickfix_async.models import Place
from seeclickfix_async.paging import Page, Pager
from seeclickfix_async.queries import PlaceQuery, page_params


@attrs.frozen
class Places:
    """`client.places`. Source: API page "Places"."""

    _api: Api = attrs.field(repr=False)

    def list(
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
        query = PlaceQuery(lat=lat, lng=lng, per_page=per_page)
        return Pager(lambda number: self._page(query, number), page)

    async def get(self, id: int) -> Place:
        """One place.

        Raises:
            NotFoundError: There is none of this id.
        """
        number = checks.identifier("id", id)
        return await self._api.get_object(Place, "/places/{id}", id=number)

    async def _page(self, query: PlaceQuery, number: int) -> Page[Place]:
        return await self._api.get_page(
            Place,
            "places",
            "/places",
            number=number,
            params=[*query.params(), *page_params(number)],
        )
