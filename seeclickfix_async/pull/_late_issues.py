"""Issues that the service published late, with old dates, so that no update reports them.

They are those that a moderator reviewed, or that come from another system. A sweep finds their ids,
and each issue is requested by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from seeclickfix_async._api.reading import read_object
from seeclickfix_async._client import AsyncClient
from seeclickfix_async.errors import (
    AuthenticationError,
    BlockedError,
    ChallengeError,
    DecodeError,
    RateLimitedError,
    ServerError,
    StatusError,
    TransportError,
)
from seeclickfix_async.models import DetailedIssue, Issue

_MAX_FAILURES = 3
"""The failures in a row after which no issue is requested: the service, not an issue, fails."""


@attrs.define
class LateIssues:
    """The late issues of a sweep.

    Attributes:
        issues: The issues.
        failed: The number of issues that could not be read this time, but exist.
        requests: The number of requests.
    """

    issues: list[Issue] = attrs.field(factory=list)
    failed: int = 0
    requests: int = 0


async def get_late_issues(client: AsyncClient, ids: Sequence[int], *, details: bool) -> LateIssues:
    """Request issues one by one, without those that the service lists but does not show.

    Raises:
        BlockedError: The service refuses this client.
        RateLimitedError: The quota is used up, also after retries.
    """
    late = LateIssues()
    model = DetailedIssue if details else Issue
    params = {"details": "true"} if details else None
    failures = 0
    for number, id_ in enumerate(ids):
        if failures == _MAX_FAILURES:
            late.failed += len(ids) - number
            break
        if id_ <= 0:  # no issue of the service has such an id, and none can be requested by it
            continue
        try:
            response = await client.request("GET", f"/issues/{id_}", params=params)
            late.requests += response.requests
            late.issues.append(read_object(response, model))
            failures = 0
        except (BlockedError, RateLimitedError):
            raise
        except (ServerError, TransportError, AuthenticationError, ChallengeError) as error:
            late.requests += error.requests
            late.failed += 1
            failures += 1
        except StatusError as error:  # gone, or not for this account
            late.requests += error.requests
            failures = 0
        except DecodeError:
            failures = 0
    return late
