"""What a walk will take, and what it has brought."""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen
class Report:
    """What a crawl has brought, so far or in the end.

    Attributes:
        expected: How many issues the service says there are; None before the first answer.
        received: How many different issues were given out.
        duplicates: How many rows came again and were dropped; the clock's overlap is in it.
        rejected: How many rows could not be read; each was logged with its path.
        drift: How many issues more, or fewer, the service counted in the end than at first.
        slices: In how many parts the period was walked.
        requests: Requests used on the wire, with redirects, retries and the final count.
        minimum: The fewest requests that so many rows can take.
        seconds: How long it took; of a walk that was interrupted, without the pauses.
        quota_seconds: How long the quota makes so many requests take; 0 without a quota.
        complete: Whether everything has been received.
        reasons: Why it is not complete.
        vanished: How many issues of the file the service gives no longer, which are marked in it;
            None where no sweep of `pull` looked for them.
        photos: How many of the issues' photos are in the folder; None where there is none. The
            requests for them are not among `requests`.
        photos_missing: How many are not: gone, or not to be had.
        until: When the crawl began, by the service's clock: what was created or updated up to
            then has been looked for. None before the first answer.
    """

    expected: int | None
    received: int
    duplicates: int
    rejected: int
    drift: int
    slices: int
    requests: int
    minimum: int
    seconds: float
    quota_seconds: float
    complete: bool
    reasons: tuple[str, ...]
    vanished: int | None = None
    photos: int | None = None
    photos_missing: int | None = None
    until: datetime | None = None


@attrs.frozen
class Estimate:
    """What a walk will take.

    Attributes:
        issues: How many issues are to come, by the service's count, or how many photos of them;
            None when it does not say.
        requests: The fewest requests, without those to the storage that photos come from.
        seconds: How long the quota makes them take; 0 without a quota.
    """

    issues: int | None
    requests: int
    seconds: float
