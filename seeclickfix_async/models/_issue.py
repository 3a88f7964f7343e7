"""Issues that people reported to their city."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn

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
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._returned import Returned
from seeclickfix_async.models._status import Status
from seeclickfix_async.models._user import UserRef


@attrs.frozen
class RequestTypeRef(Model):
    """The request type (category) of an issue.

    `organization` is the name of a city or a free-form label (observed).
    """

    id: Int64 | Literal["other"] | None = None
    title: str | None = None
    organization: str | None = None
    url: Link | None = None
    related_issues_url: Link | None = None


_NO_REQUEST_TYPE = RequestTypeRef()


@attrs.frozen
class Actions(Model):
    """Links to vote, follow and comment (observed, with details)."""

    vote_url: Link | None = None
    follow_url: Link | None = None
    public_comment_url: Link | None = None


@attrs.frozen
class Integration(Model):
    """The copy of an issue in a city's own system (with details)."""

    remote_id: Int64 | str | None = None
    status: str | None = None
    title: str | None = None


@attrs.frozen
class QuestionAnswer(Model):
    """A question of the request type's form and the reporter's reply, as strings (with details)."""

    question: str | None = None
    answer: str | None = None


@attrs.frozen
class Vote(Timed):
    """A vote for an issue (documented, with details)."""

    created_at: Time | None = None


@attrs.frozen
class Relationship(Model):
    """Relations of the signed-in user to an issue; all False without a token."""

    following: bool | None = None
    voted: bool | None = None
    reporter: bool | None = None
    assignee: bool | None = None


@attrs.frozen
class Issue(Returned):
    """An issue as returned in lists and by `GET /issues/:id`.

    `request_type` is None for community issues. `transitions` holds the links for the status
    changes that the caller is allowed to make: `open_url`, `acknowledge_url`, `close_url`. Use
    `status` to find out if an issue is open: an open issue may have a `closed_at` (observed). Times
    are datetimes with a time zone, or None if the service sent none.
    Source: API page "Issues" and responses observed from 2015 to 2026.
    """

    # In the order of the service's JSON, which decodes fastest.
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
    url: Link | None = None
    point: Point | None = None
    private_visibility: bool | None = None
    html_url: Link | None = None
    show_blocked_issue_text: bool | None = None
    request_type: RequestTypeRef | None = None
    comment_url: Link | None = None
    flag_url: Link | None = None
    # A dict, since a class whose three fields are mostly missing decodes slowly; not hashable.
    transitions: dict[str, str | None] | None = attrs.field(default=None, hash=False)
    reporter: UserRef | None = None
    media: Media | None = None

    def __attrs_post_init__(self) -> None:
        # The service sends `{}` as the request type of community issues.
        request_type = self.request_type
        if (
            request_type is not None
            and request_type.id is None
            and request_type == _NO_REQUEST_TYPE
        ):
            object.__setattr__(self, "request_type", None)
        clear_placeholder_times(self)

    if not TYPE_CHECKING:  # type checkers find this mistake by themselves

        def __getattr__(self, name: str) -> NoReturn:
            message = f"An issue has no {name!r}."
            if name in attrs.fields_dict(DetailedIssue):
                message = f"An issue has {name!r} only if you get it with details=True."
            raise AttributeError(message, name=name, obj=self)

    @property
    def is_open(self) -> bool:
        """True if the status is open or acknowledged: the city has not closed the issue yet."""
        return self.status in (Status.OPEN, Status.ACKNOWLEDGED)


@attrs.frozen
class DetailedIssue(Issue):
    """An issue as returned with `details=True` (documented and observed).

    A separate class, so that an `Issue` has no `comments` instead of an empty list that was never
    requested. Also, fields that are always missing are the slowest to decode.
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
