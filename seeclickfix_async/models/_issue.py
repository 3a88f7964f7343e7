"""Issues: what people reported to their city."""

from __future__ import annotations

from typing import Literal

import attrs

from seeclickfix_async.models._comment import Comment
from seeclickfix_async.models._common import (
    Int64,
    Latitude,
    Link,
    Longitude,
    Media,
    Point,
    Time,
    Timed,
    clear_placeholder_times,
)
from seeclickfix_async.models._status import Status
from seeclickfix_async.models._user import UserRef


@attrs.frozen
class RequestTypeRef:
    """The category of an issue; `organization` may be a city or a label (observed)."""

    id: Int64 | Literal["other"] | None = None
    title: str | None = None
    organization: str | None = None
    url: Link | None = None
    related_issues_url: Link | None = None


_NO_REQUEST_TYPE = RequestTypeRef()


@attrs.frozen
class Actions:
    """Links to vote, follow and comment (observed, with details)."""

    vote_url: Link | None = None
    follow_url: Link | None = None
    public_comment_url: Link | None = None


@attrs.frozen
class Integration:
    """The same issue in a city's own system (with details)."""

    remote_id: Int64 | str | None = None
    status: str | None = None
    title: str | None = None


@attrs.frozen
class QuestionAnswer:
    """A question of the category's form and its answer, both as text (with details)."""

    question: str | None = None
    answer: str | None = None


@attrs.frozen
class Vote(Timed):
    """One vote (documented, with details)."""

    created_at: Time | None = None


@attrs.frozen
class Relationship:
    """What the signed-in user has to do with an issue; all false for nobody."""

    following: bool | None = None
    voted: bool | None = None
    reporter: bool | None = None
    assignee: bool | None = None


@attrs.frozen
class Issue:
    """An issue as lists and `GET /issues/:id` tell it.

    `request_type` is None for community issues. `transitions` holds the links that change the
    status as far as the caller may: `open_url`, `acknowledge_url`, `close_url`. `status` alone
    tells whether an issue is open: an open one may carry a `closed_at` (observed).
    Source: API page "Issues" and answers observed from 2015 to 2026.
    """

    # In the order of the service's answer, in which they are decoded fastest.
    id: Int64
    status: Status | None = None
    summary: str | None = None
    description: str | None = None
    rating: Int64 | None = None
    lat: Latitude | None = None
    lng: Longitude | None = None
    address: str | None = None
    created_at: Time | None = None
    acknowledged_at: Time | None = None
    closed_at: Time | None = None
    reopened_at: Time | None = None
    updated_at: Time | None = None
    shortened_url: Link | None = None
    url: Link | None = None
    point: Point | None = None
    private_visibility: bool | None = None
    html_url: Link | None = None
    request_type: RequestTypeRef | None = None
    comment_url: Link | None = None
    flag_url: Link | None = None
    # A dict cannot be hashed, and a class of three fields that are mostly missing decodes slowly.
    transitions: dict[str, str | None] | None = attrs.field(default=None, hash=False)
    reporter: UserRef | None = None
    media: Media | None = None
    show_blocked_issue_text: bool | None = None

    def __attrs_post_init__(self) -> None:
        # Community issues have `{}` for their category, which says no more than null.
        kind = self.request_type
        if kind is not None and kind.id is None and kind == _NO_REQUEST_TYPE:
            object.__setattr__(self, "request_type", None)
        # Written out, since a loop takes a thirtieth of a page's time.
        if (
            ((at := self.created_at) is not None and not 1 < at.year < 9999)
            or ((at := self.acknowledged_at) is not None and not 1 < at.year < 9999)
            or ((at := self.closed_at) is not None and not 1 < at.year < 9999)
            or ((at := self.reopened_at) is not None and not 1 < at.year < 9999)
            or ((at := self.updated_at) is not None and not 1 < at.year < 9999)
        ):
            clear_placeholder_times(self)

    @property
    def is_open(self) -> bool:
        """Whether the issue still waits for the city: open or acknowledged."""
        return self.status in (Status.OPEN, Status.ACKNOWLEDGED)


@attrs.frozen
class DetailedIssue(Issue):
    """An issue as asked for with `details=True` (documented and observed).

    A class of its own, so that nobody reads comments that were never asked for; and a field
    that is always missing is the slowest one to decode.
    """

    comments_count: Int64 | None = None
    actions: Actions | None = None
    crm_issue_url: Link | None = None
    organization_issue_url: Link | None = None
    integrations: tuple[Integration, ...] | None = None
    assignee: UserRef | None = None
    questions: tuple[QuestionAnswer, ...] | None = None
    comments: tuple[Comment, ...] | None = None
    votes: tuple[Vote, ...] | None = None
    vote_count: Int64 | None = None
    current_user_relationship: Relationship | None = None

    def __attrs_post_init__(self) -> None:
        Issue.__attrs_post_init__(self)
        if self.assignee == UserRef():
            object.__setattr__(self, "assignee", None)
