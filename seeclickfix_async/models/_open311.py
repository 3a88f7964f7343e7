"""Models of GeoReport v2 (Open311), as this service returns them.

Source: GeoReport v2 of open311.org; `organization` and `organization_id` observed.
"""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64, Latitude, Link, Longitude, Time, Timed
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._open_enum import OpenEnum
from seeclickfix_async.models._question import Choice
from seeclickfix_async.models._returned import Returned


class ServiceRequestState(OpenEnum):
    """The status of a service request; Open311 defines no others."""

    OPEN = "open"
    CLOSED = "closed"


@attrs.frozen
class Endpoint(Model):
    """The URL of an Open311 API, with its specification and formats."""

    specification: str | None = None
    url: Link | None = None
    changeset: str | None = None
    type: str | None = None
    formats: tuple[str, ...] | None = None


@attrs.frozen
class Discovery(Returned):
    """The discovery document of an Open311 server."""

    changeset: str | None = None
    contact: str | None = None
    key_service: str | None = None
    endpoints: tuple[Endpoint, ...] | None = None


@attrs.frozen
class Service(Model):
    """A type of service request; `service_code` is the id of a request type (observed).

    `metadata` is True if `service()` returns questions for it.
    """

    service_code: str | None = None
    service_name: str | None = None
    description: str | None = None
    metadata: bool | None = None
    type: str | None = None
    keywords: str | None = None
    group: str | None = None
    organization: str | None = None

    @property
    def id(self) -> str | None:
        """The service's code."""
        return self.service_code


@attrs.frozen
class ServiceAttribute(Model):
    """A question of a service; it is read-only information unless `variable` is True."""

    code: str | None = None
    description: str | None = None
    datatype: str | None = None
    datatype_description: str | None = None
    variable: bool | None = None
    required: bool | None = None
    order: Int64 | None = None
    values: tuple[Choice, ...] | None = None


@attrs.frozen
class ServiceDefinition(Returned):
    """The questions of a service."""

    service_code: str | None = None
    attributes: tuple[ServiceAttribute, ...] | None = None


@attrs.frozen
class ServiceRequest(Timed):
    """A service request; `long` is its longitude."""

    service_request_id: str | None = None
    status: ServiceRequestState | None = None
    status_notes: str | None = None
    service_name: str | None = None
    service_code: str | None = None
    description: str | None = None
    agency_responsible: str | None = None
    service_notice: str | None = None
    requested_datetime: Time | None = None
    updated_datetime: Time | None = None
    expected_datetime: Time | None = None
    address: str | None = None
    address_id: str | None = None
    zipcode: str | None = None
    lat: Latitude | None = None
    long: Longitude | None = None
    media_url: Link | None = None
    organization: str | None = None

    @property
    def id(self) -> str | None:
        """The service request's id."""
        return self.service_request_id


@attrs.frozen
class Submission(Returned):
    """The result of a new service request: its id, or a token until it has one."""

    service_request_id: str | None = None
    token: str | None = None
    service_notice: str | None = None
    account_id: str | None = None
