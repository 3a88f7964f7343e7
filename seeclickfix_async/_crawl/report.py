"""The report of a crawl, and the estimate of what it needs."""

from __future__ import annotations

from datetime import datetime

import attrs

from seeclickfix_async.errors import TruncatedResultsError
from seeclickfix_async.models._model import Model


@attrs.frozen
class Report(Model):
    """The result of a crawl, so far or at its end.

    Attributes:
        expected: The service's last count of issues; None before the first response.
        received: The number of different issues that were delivered.
        duplicates: The number of rows that were received again and dropped, which includes the
            overlap of consecutive pages.
        rejected: The number of unreadable rows; each was logged with its path.
        drift: The service's last count of issues minus its first one.
        slices: The number of parts into which the period was divided.
        requests: The number of HTTP requests, with redirects, retries and the final count.
        minimum: The fewest requests in which this number of rows can be read.
        seconds: The duration; of an interrupted crawl, without the pauses.
        quota_seconds: The time that the quota requires for these requests; 0 without a quota.
        complete: Whether everything was received.
        reasons: Why the crawl is not complete.
        vanished: The number of issues in the file that the service no longer lists, which are
            marked in it; None if no sweep of `pull` looked for them.
        photos: The number of the issues' photos in the folder; None if there is no folder. The
            requests for them are not among `requests`.
        photos_missing: The number of photos that could not be fetched.
        until: When the crawl began, by the service's clock: everything that was created or updated
            before then was requested. None before the first response.
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

    def raise_if_incomplete(self) -> None:
        """Raise an error if anything is missing, for jobs that have to fail then.

        Raises:
            TruncatedResultsError: The crawl is not complete; its message has the reasons.
        """
        if not self.complete:
            raise TruncatedResultsError(
                " ".join(self.reasons),
                received=self.received,
                entries=self.expected,
                advice="Call it again; pull() then requests only what is missing.",
            )


@attrs.frozen
class Estimate(Model):
    """An estimate of what a crawl needs.

    Attributes:
        issues: The number of issues by the service's count, or the number of their photos; None if
            the service does not count them.
        requests: The fewest requests, without those to the storage of photos.
        seconds: The time that the quota requires for them; 0 without a quota.
    """

    issues: int | None
    requests: int
    seconds: float
