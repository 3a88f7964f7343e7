"""The error for a report of which it is not known whether it arrived."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from seeclickfix_async._api.query import lost_report_filters
from seeclickfix_async.errors import UNCERTAIN, IssueMayExistError


@contextmanager
def uncertain_report(
    route: str, *, lat: float, lng: float, request_type: int | None
) -> Generator[None]:
    """Raise `IssueMayExistError` in place of an error that leaves open whether a report arrived.

    Args:
        route: The route that the report is sent to. An error of another one belongs to the
            renewal of the token, before which nothing is reported.
        lat: Latitude of the report in degrees.
        lng: Longitude of the report in degrees.
        request_type: The id of its request type, if that is a number.
    """
    filters = lost_report_filters(lat, lng, request_type)
    try:
        yield
    except UNCERTAIN as error:
        if error.route != route:
            raise
        raise IssueMayExistError(filters, route=route) from error
