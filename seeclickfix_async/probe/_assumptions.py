"""The assumptions about the service that this library rests on, with their sources."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

import attrs


@attrs.frozen(kw_only=True)
class Assumption:
    """A behaviour of the service that code of this library rests on.

    Attributes:
        name: Its name, which is also that of the sandbox's setting.
        behaviour: The behaviour, in a sentence.
        expected: The values with which it holds.
        source: `documented`, `observed` with the year, or `assumed`.
        used_by: The modules that rest on it.
        otherwise: What this library does where it does not hold.
    """

    name: str
    behaviour: str
    expected: Container[Any]
    source: str
    used_by: tuple[str, ...]
    otherwise: str


class _Within:
    """Contains all tuples whose values are among these."""

    def __init__(self, *values: str) -> None:
        self._values = frozenset(values)

    def __contains__(self, found: object) -> bool:
        return isinstance(found, tuple) and self._values.issuperset(found)


ASSUMPTIONS: Final = (
    Assumption(
        name="most_per_page",
        behaviour="A page has up to 100 rows; up to 1,000 are granted, and the page says how many.",
        expected=range(100, 1001),
        source="documented (100), observed in 2026 (1,000)",
        used_by=("_crawl.limits", "_api.pagination"),
        otherwise="Pages are as large as the service grants; a pull takes more requests.",
    ),
    Assumption(
        name="most_detailed",
        behaviour="A page with details has up to 20 rows.",
        expected=range(20, 1001),
        source="documented",
        used_by=("_crawl.limits",),
        otherwise="Pages are as large as the service grants; a pull takes more requests.",
    ),
    Assumption(
        name="depth",
        behaviour="Page numbers reach about 1,000 rows of a listing.",
        expected=range(500, 2**63),
        source="observed in 2026",
        used_by=("_crawl.planner", "_api.pagination"),
        otherwise="A listing ends with TruncatedResultsError; a pull divides its period further.",
    ),
    Assumption(
        name="details_depth",
        behaviour="With details, page numbers reach about 500 rows.",
        expected=range(250, 2**63),
        source="observed in 2026",
        used_by=("_crawl.planner", "_api.pagination"),
        otherwise="A listing ends with TruncatedResultsError; a pull divides its period further.",
    ),
    Assumption(
        name="beyond",
        behaviour="A page past that depth is empty, an error, or the last one again.",
        expected=("empty", "error", "repeat"),
        source="assumed",
        used_by=("_crawl.planner", "_api.pagination"),
        otherwise="Rows past the depth are read as they come.",
    ),
    Assumption(
        name="after_inclusive",
        behaviour="`after` includes the second that it names.",
        expected=(True,),
        source="observed in 2026",
        used_by=("_crawl.planner", "_watch.cursor"),
        otherwise="Issues of the second at which a page ends may be missing: report it.",
    ),
    Assumption(
        name="sorts",
        behaviour="Issues can be sorted by created_at, updated_at and rating.",
        expected=(frozenset({"created_at", "updated_at", "rating"}),),
        source="documented",
        used_by=("_crawl.planner", "_watch.cursor", "_api.query"),
        otherwise="A pull and a feed notice the wrong order and end incomplete, with the reason.",
    ),
    Assumption(
        name="whole_seconds",
        behaviour="Times are whole seconds.",
        expected=(True,),
        source="observed from 2014 to 2026",
        used_by=("_crawl.time_slice", "_watch.cursor"),
        otherwise="A pull requests whole seconds nevertheless, and receives some rows twice.",
    ),
    Assumption(
        name="archived_by_default",
        behaviour="Without `status`, a listing leaves archived issues out.",
        expected=(False,),
        source="documented",
        used_by=("_api.query", "pull._job"),
        otherwise="Listings without a status have more issues; pulls always name the statuses.",
    ),
    Assumption(
        name="entries",
        behaviour="A page says how many rows its listing has.",
        expected=(True,),
        source="observed from 2016 to 2026",
        used_by=("_crawl.evidence", "_api.pagination"),
        otherwise="The count cannot prove that a pull is complete, which takes more requests.",
    ),
    Assumption(
        name="dates",
        behaviour="A response has a Date, the service's own clock.",
        expected=(True,),
        source="assumed",
        used_by=("_crawl.driver", "_watch.watch"),
        otherwise="The clock of this machine decides where an update begins.",
    ),
    Assumption(
        name="etags",
        behaviour="A response has an ETag, and a 304 confirms it.",
        expected=(True,),
        source="documented",
        used_by=("_transport.cache",),
        otherwise="The cache has no effect; each response is sent whole.",
    ),
    Assumption(
        name="retry_after",
        behaviour="A 429 says in Retry-After how many seconds to wait.",
        expected=("seconds", "date"),
        source="documented",
        used_by=("_transport.retry", "_transport.limiter"),
        otherwise="After a 429, requests wait ten seconds.",
    ),
    Assumption(
        name="limited_body",
        behaviour="The body of a 429 is JSON.",
        expected=("json", "html", "empty"),
        source="documented",
        used_by=("_transport.status_errors",),
        otherwise="The status alone decides.",
    ),
    Assumption(
        name="anonymous_profile",
        behaviour="Without a token, the profile is 200 with an id of null.",
        expected=("null_id", "unauthorized"),
        source="documented",
        used_by=("_resources.users", "_client"),
        otherwise="verify() raises AuthenticationError for both.",
    ),
    Assumption(
        name="missing_fields",
        behaviour="Responses have all fields of the models, except some that are no longer sent.",
        expected=_Within(
            "comment.issue",
            "comment.media.representative_image_url",
            "comment.moderated",
            "issue.actions.public_comment_url",
            "issue.comments.issue",
            "issue.comments.media.representative_image_url",
            "issue.comments.moderated",
        ),
        source="observed in 2026",
        used_by=("models", "_api.decoding"),
        otherwise="The attribute is None. Decoding takes a little longer.",
    ),
    Assumption(
        name="unknown_fields",
        behaviour="Responses have no fields that the models lack.",
        expected=_Within(),
        source="observed in 2026",
        used_by=("models", "_api.decoding"),
        otherwise="The field is ignored; `Page.response` has it.",
    ),
    Assumption(
        name="unknown_statuses",
        behaviour="An issue is open, acknowledged, closed or archived.",
        expected=_Within(),
        source="documented",
        used_by=("models._status",),
        otherwise="The status is a Status that equals its string, and `is_open` is False.",
    ),
)
