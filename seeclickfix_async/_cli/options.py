"""The options that commands share; each is declared once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import attrs
from cyclopts import Group, Parameter

from seeclickfix_async import IssueFilters, PlaceArea
from seeclickfix_async._api.area import Area, BoundingBox, near
from seeclickfix_async._cli import settings
from seeclickfix_async.errors import InvalidArgumentError

Flag = Annotated[bool, Parameter(show_default=False)]
Format = Literal["table", "json", "jsonl", "csv"]

_SHARED = Group.create_ordered("Shared options")


@Parameter(name="*", group=_SHARED)
@attrs.frozen(kw_only=True)
class RunOptions:
    """The options of every command.

    Attributes:
        quiet: Print nothing, unless something is wrong.
        debug: Print a traceback after an error.
    """

    quiet: Flag = False
    debug: Flag = False


@Parameter(name="*", group=_SHARED)
@attrs.frozen(kw_only=True)
class SiteOptions(RunOptions):
    """The options of commands that use the service.

    Attributes:
        base_url: The service's address; by default that of SEECLICKFIX_BASE_URL, of the
            configuration file, or https://seeclickfix.com.
        contact: An e-mail address or a URL for the User-Agent header, as the service requests; by
            default that of SEECLICKFIX_CONTACT or of the configuration file.
        no_limit: Send requests without a rate limiter, to a server on this machine.
    """

    base_url: str | None = None
    contact: str | None = None
    no_limit: Flag = False

    @property
    def site(self) -> str:
        """The service's address."""
        return self.base_url or settings.find_site()

    @property
    def contact_or_default(self) -> str | None:
        """The contact for the User-Agent header."""
        return self.contact or settings.find("contact")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class QueryOptions:
    """The options that select issues.

    Attributes:
        place: A place's url_name; without an area, by default that of SEECLICKFIX_PLACE or of the
            configuration file, or else the whole service.
        near: LAT LNG METRES, for the square around this circle.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        request_type: The id of a request type; repeat it for several. scf form LAT LNG
            lists them.
    """

    place: str | None = None
    near: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    request_type: Annotated[tuple[int, ...], Parameter(show_default=False)] = ()

    @property
    def place_or_default(self) -> str | None:
        """The name of the place, if the area is one."""
        if self.place is None and self.near is None and self.box is None:
            return settings.find("place")
        return self.place

    def filters(self) -> IssueFilters:
        """Return the filters of a query.

        Raises:
            InvalidArgumentError: There are several areas, or one is not valid.
        """
        areas: list[Area] = []
        place = self.place_or_default
        if place is not None:
            areas.append(PlaceArea(place))
        if self.near is not None:
            areas.append(near(*self.near))
        if self.box is not None:
            areas.append(BoundingBox(*self.box))
        if len(areas) > 1:
            raise InvalidArgumentError("area", "use only one of --place, --near and --box.")
        filters: IssueFilters = {}
        if areas:
            filters["area"] = areas[0]
        if self.request_type:
            filters["request_types"] = self.request_type
        return filters


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class RowOptions:
    """The format of rows.

    Attributes:
        format: table; json, an array; jsonl, one row per line as JSON; or csv, with the columns of
            a pull.
        json: The same as --format jsonl.
        excel: Print csv for spreadsheet programs: with a byte order mark, and with an apostrophe
            before cells that look like formulas.
    """

    format: Annotated[Format | None, Parameter(show_default=False)] = None
    json: Flag = False
    excel: Flag = False


RUN, SITE, QUERY, ROWS = RunOptions(), SiteOptions(), QueryOptions(), RowOptions()
"""The defaults."""


def assume_utc(time: datetime | None) -> datetime | None:
    """Return the time, in UTC if it has no time zone."""
    return time.replace(tzinfo=UTC) if time is not None and not time.tzinfo else time
