"""The error for a report that may or may not have been received."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from seeclickfix_async._api.query import lost_report_filters
from seeclickfix_async.errors import UNCERTAIN, IssueMayExistError


@contextmanager
def uncertain_report(
    route: str, *, lat: float, lng: float, request_type: int | None
) -> Generator[None]:
    """Replace an error after which a report may have been received by `IssueMayExistError`.

    Args:
        route: The route that the report is sent to. Errors of other routes, such as that of the
            token endpoint, are raised unchanged: the report has not been sent.
        lat: Latitude of the report in degrees.
        lng: Longitude of the report in degrees.
        request_type: The id of its request type, if that is an integer.
    """
    filters = lost_report_filters(lat, lng, request_type)
    try:
        yield
    except UNCERTAIN as error:
        if error.route != route:
            raise
        uncertain = IssueMayExistError(filters, route=route)
        uncertain.requests, uncertain.request_id = error.requests, error.request_id
        raise uncertain from error
