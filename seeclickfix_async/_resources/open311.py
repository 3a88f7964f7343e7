"""Open311 GeoReport v2, which the service recommends for public reading and anonymous reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.pagination import Page, Pager
from seeclickfix_async._api.point_query import RequestQuery, plain_params
from seeclickfix_async._api.reading import read_object, read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._resources.uncertain_report import uncertain_report
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import (
    Discovery,
    Service,
    ServiceDefinition,
    ServiceRequest,
    Submission,
)


@attrs.frozen
class Open311:
    """What `client.open311()` gives. Its statuses are open and closed only.

    The same quota, retries and errors as everywhere. Sources: GeoReport v2, and observed.

    Attributes:
        organization_id: Whose requests; None for everybody's.
    """

    _api: Requestor = attrs.field(repr=False)
    organization_id: int | None = None

    async def discovery(self) -> Discovery:
        """What the server says of itself."""
        return await self._api.get_object(Discovery, "/discovery.json")

    async def services(
        self, *, lat: float | None = None, lng: float | None = None
    ) -> tuple[Service, ...]:
        """What can be requested.

        Args:
            lat: Latitude in degrees, with `lng`: where; only an organization can do without.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: Neither a point nor an organization is given.
            NotFoundError: There is no such organization.
        """
        query = RequestQuery(lat=lat, long=lng)
        if lat is None and self.organization_id is None:
            raise InvalidArgumentError("lat", "must be given, or an organization.")
        route = CollectionRoute(Service, "", "/services.json", plain_params(query))
        return await self._api.get_items(route)

    async def service(self, code: str | int) -> ServiceDefinition:
        """The questions about a kind of request.

        Args:
            code: Its `service_code`.

        Raises:
            NotFoundError: There is none of this code.
        """
        name = validation.open311_code("code", code)
        return await self._api.get_object(ServiceDefinition, "/services/{code}.json", code=name)

    def requests(
        self,
        *,
        lat: float | None = None,
        lng: float | None = None,
        status: Literal["open", "closed"] | None = None,
        service_codes: Iterable[str | int] | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        page: int = 1,
        per_page: int | None = None,
    ) -> Pager[ServiceRequest]:
        """List requests.

        The service does not say how many there are: a listing ends with an empty page.

        Args:
            lat: Latitude in degrees, with `lng`.
            lng: Longitude in degrees.
            status: Only open or closed ones.
            service_codes: Only of these kinds.
            start_date: Made at this moment or later.
            end_date: Made before this moment.
            page: The page to begin with, from 1.
            per_page: Requests on a page, 20 unless told (observed).

        Raises:
            InvalidArgumentError: An argument cannot be used.
        """
        query = RequestQuery(
            lat=lat,
            long=lng,
            status=status,
            service_code=service_codes,
            start_date=start_date,
            end_date=end_date,
            per_page=per_page,
        )
        route = CollectionRoute(ServiceRequest, "", "/requests.json", plain_params(query))

        async def get_page(number: int) -> Page[ServiceRequest]:
            page = await self._api.get_page(route, number)
            # A short page may only mean that the service grants fewer rows than were asked for.
            return attrs.evolve(page, next_page=number + 1 if page.size else None)

        return Pager(get_page, page)

    async def request(self, id: str | int) -> ServiceRequest:
        """One request.

        Args:
            id: Its `service_request_id`.

        Raises:
            NotFoundError: There is none of this id.
        """
        name = validation.open311_code("id", id)
        response = await self._api.get("/requests/{id}.json", id=name)
        return read_object(response, ServiceRequest, first=True)

    async def create(
        self,
        service_code: str | int,
        *,
        lat: float,
        lng: float,
        description: str,
        address: str | None = None,
        attributes: Mapping[str, str | Iterable[str]] | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        phone: str | None = None,
        media_url: str | None = None,
    ) -> Submission:
        """Make a request, once; nobody needs an account for it.

        Args:
            service_code: What kind of request.
            lat: Latitude of the problem in degrees.
            lng: Longitude of the problem in degrees.
            description: What is wrong.
            address: Where it is, in words.
            attributes: Answers by the `code` of the service's attributes; a list for several.
            email: Of the person who reports, as all that follow; kept out of logs.
            first_name: See `email`.
            last_name: See `email`.
            phone: See `email`.
            media_url: A link to a photo.

        Raises:
            InvalidArgumentError: An argument cannot be used, or this is nobody's Open311: give
                the organization, as in `client.open311(organization_id=7)`.
            BadRequestError: The service refuses it, and says why.
            IssueMayExistError: No usable answer came; `client.issues.find_lost()` finds the issue.
        """
        if self.organization_id is None:
            raise InvalidArgumentError("organization_id", "a request is made to somebody.")
        code = validation.open311_code("service_code", service_code)
        validation.require("lat", lat)
        query = RequestQuery(lat=lat, long=lng)
        body = bodies.drop_none(
            jurisdiction_id=self.organization_id,
            service_code=code,
            lat=query.lat,
            long=query.long,
            description=validation.non_empty_str("description", description),
            address_string=address,
            email=email,
            first_name=first_name,
            last_name=last_name,
            phone=phone,
            media_url=media_url,
            attribute={
                name: answer if isinstance(answer, str) else list(answer)
                for name, answer in (attributes or {}).items()
            },
        )
        request_type = validation.parse_identifier(code)
        route = "/requests.json"
        with uncertain_report(f"POST {route}", lat=lat, lng=lng, request_type=request_type):
            response = await self._api.write("POST", route, body, as_form=True)
            return read_written(response, Submission, first=True)
