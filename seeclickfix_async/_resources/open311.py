"""Open311 GeoReport v2, which the service recommends for public data and anonymous reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, SupportsIndex

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.listing_queries import PointQuery, RequestQuery, plain_params
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.reading import read_object, read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id, Number
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
    """The Open311 API, returned by `client.open311()`. It has only the statuses open and closed.

    Rate limiter, retries and errors are the client's. Sources: GeoReport v2, and observed.

    Attributes:
        organization_id: The organization that handles the requests; None for all organizations.
    """

    _api: Requestor = attrs.field(repr=False)
    organization_id: int | None = None

    async def discovery(self) -> Discovery:
        """Return the server's description of itself."""
        return await self._api.get_object(Discovery, "/discovery.json")

    async def services(
        self, *, lat: Number | None = None, lng: Number | None = None
    ) -> tuple[Service, ...]:
        """List the services: the types of requests.

        Args:
            lat: Latitude of a point in degrees, with `lng`. Optional for an organization.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: There is neither a point nor an organization.
            NotFoundError: There is no such organization.
        """
        query = RequestQuery(lat=lat, lng=lng)
        if lat is None and self.organization_id is None:
            raise InvalidArgumentError("lat", "is required without an organization.")
        route = CollectionRoute(Service, "", "/services.json", plain_params(query))
        return await self._api.get_items(route)

    async def service(self, code: Id) -> ServiceDefinition:
        """Return the attributes of a service, which are the questions in its reports.

        Args:
            code: Its `service_code`.

        Raises:
            NotFoundError: There is no service with this code.
        """
        name = validation.open311_code("code", code)
        return await self._api.get_object(ServiceDefinition, "/services/{code}.json", code=name)

    def requests(
        self,
        *,
        lat: Number | None = None,
        lng: Number | None = None,
        status: Literal["open", "closed"] | None = None,
        service_codes: Iterable[Id] | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
    ) -> Pager[ServiceRequest]:
        """List requests.

        The service does not announce a total: a listing ends with an empty page.

        Args:
            lat: Latitude of a point in degrees, with `lng`.
            lng: Longitude in degrees.
            status: Only open or only closed requests.
            service_codes: Only requests of these services.
            start_date: Created at or after this time.
            end_date: Created before this time.
            page: The first page, from 1.
            per_page: Requests per page, by default 20 (observed).

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        query = RequestQuery(
            lat=lat,
            lng=lng,
            status=status,
            service_code=service_codes,
            start_date=start_date,
            end_date=end_date,
            per_page=per_page,
        )
        route = CollectionRoute(ServiceRequest, "", "/requests.json", plain_params(query))

        async def get_page(number: int) -> Page[ServiceRequest]:
            page = await self._api.get_page(route, number)
            # A short page is not the end: the service may grant fewer rows than requested.
            return attrs.evolve(page, next_page=number + 1 if page.size else None)

        return Pager(get_page, page)

    async def request(self, id: Id) -> ServiceRequest:
        """Return a request.

        Args:
            id: Its `service_request_id`.

        Raises:
            NotFoundError: There is no request with this id.
        """
        name = validation.open311_code("id", id)
        response = await self._api.get("/requests/{id}.json", id=name)
        return read_object(response, ServiceRequest, first=True)

    async def create(
        self,
        service_code: Id,
        *,
        lat: Number,
        lng: Number,
        description: str,
        address: str | None = None,
        attributes: Mapping[str, str | Iterable[str]] | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        phone: str | None = None,
        media_url: str | None = None,
    ) -> Submission:
        """Create a request; no account is required.

        It is not sent again if it may have been received.

        Args:
            service_code: The service.
            lat: Latitude of the problem in degrees.
            lng: Longitude of the problem in degrees.
            description: The problem.
            address: The street address, or a description of the location.
            attributes: Values by the `code` of the service's attributes; a list for several.
            email: The reporter's e-mail address; personal data is never logged.
            first_name: The reporter's first name.
            last_name: The reporter's last name.
            phone: The reporter's phone number.
            media_url: A link to a photo.

        Raises:
            InvalidArgumentError: An argument is invalid, or there is no organization: use
                `client.open311(organization_id=7)`.
            BadRequestError: The service refuses the request; the message has its reason.
            IssueMayExistError: There is no usable response; `client.issues.find_lost()` finds the
                issue, if it exists.
        """
        if self.organization_id is None:
            raise InvalidArgumentError(
                "organization_id", "is required: use client.open311(organization_id)."
            )
        code = validation.open311_code("service_code", service_code)
        point = PointQuery(lat=lat, lng=lng)
        body = bodies.drop_none(
            jurisdiction_id=self.organization_id,
            service_code=code,
            lat=point.lat,
            long=point.lng,
            description=validation.non_empty_str("description", description),
            address_string=validation.optional_str("address", address),
            email=validation.optional_str("email", email),
            first_name=validation.optional_str("first_name", first_name),
            last_name=validation.optional_str("last_name", last_name),
            phone=validation.optional_str("phone", phone),
            media_url=validation.optional_str("media_url", media_url),
            attribute={
                validation.unicode_str("attributes", str(name)): _to_values(value)
                for name, value in (attributes or {}).items()
            },
        )
        request_type = validation.parse_identifier(code)
        route = "/requests.json"
        with uncertain_report(
            f"POST {route}", lat=point.lat, lng=point.lng, request_type=request_type
        ):
            response = await self._api.write("POST", route, body, as_form=True)
            return read_written(response, Submission, first=True)


def _to_values(value: str | Iterable[str]) -> str | tuple[str | None, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return validation.optional_str("attributes", value) or ""
    return tuple(validation.optional_str("attributes", item) for item in value)
