"""The probe: at most 20 requests that only read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from seeclickfix_async._api.area import Area
from seeclickfix_async._api.query import ALL
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.retry import Retry
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import (
    AuthenticationError,
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
    StatusError,
)
from seeclickfix_async.models import Comment, DetailedIssue, Issue, RequestTypeOption
from seeclickfix_async.probe._assumptions import ASSUMPTIONS
from seeclickfix_async.probe._depth import UNLIMITED, find_depth
from seeclickfix_async.probe._drift import Drift
from seeclickfix_async.probe._report import Finding, ProbeReport

MAX_REQUESTS = 20

_LARGEST = 1000  # rows, the most that the service was seen to grant
_REACHABLE = {"depth": 1000, "details_depth": 500}
_SORTS = ("created_at", "updated_at", "rating")


class _SpentError(Exception):
    """All requests of the probe are used."""


async def probe(client: AsyncClient, *, area: Area | None = None) -> ProbeReport:
    """Check which behaviours of a service this library can rest on, with at most 20 requests.

    The requests only read, and wait for the client's rate limiter.

    Args:
        client: The client. Its token is used, except to look at the profile without one.
        area: An area with at least some thousand issues, which makes the requests cheaper for the
            service. None for all of its issues.

    Raises:
        InvalidArgumentError: An argument is invalid.
        SeeClickFixError: The service could not be reached, or refuses to list issues.
    """
    if not isinstance(client, AsyncClient):
        raise InvalidArgumentError("client", "must be an AsyncClient.")
    prober = _Prober(client.with_options(retry=Retry(attempts=1)), area_params(area))
    await prober.run()
    findings = tuple(prober.finding(assumption.name) for assumption in ASSUMPTIONS)
    return ProbeReport(client.base_url, datetime.now(UTC), __version__, prober.requests, findings)
