"""Data that only members of an organization can see. Personal data is omitted from every repr.

Source: responses observed from 2017 to 2020; every field may be missing.
"""

from __future__ import annotations

from typing import Any

import attrs

from seeclickfix_async.models._comment import Comment
from seeclickfix_async.models._common import (
    Int64,
    Link,
    Media,
    Time,
    Timed,
)
from seeclickfix_async.models._issue import DetailedIssue
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._open_enum import OpenEnum
from seeclickfix_async.models._returned import Returned
from seeclickfix_async.models._user import UserRef


@attrs.frozen
class Organization(Returned):
    """A city, county or other account that is responsible for issues (documented until 2014)."""

    id: Int64
    name: str | None = None
    skus: tuple[str, ...] | None = None
    url: Link | None = None


@attrs.frozen
class Member(UserRef):
    """A user with the personal data that members of an organization can see."""

    name: str | None = attrs.field(default=None, repr=False)
    full_name: str | None = attrs.field(default=None, repr=False)
    title: str | None = attrs.field(default=None, repr=False)
    email: str | None = attrs.field(default=None, repr=False)
    phone: str | None = attrs.field(default=None, repr=False)


class ServiceRequestStatus(OpenEnum):
    """The status of a service request within its organization."""

    OPEN = "open"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    NEEDS_REVIEW = "needs_review"
    CLOSED = "closed"


@attrs.frozen
class Priority(Model):
    """The urgency of a service request."""

    code: Int64 | None = None
    label: str | None = None


@attrs.frozen
class Transition(Model):
    """A status that a service request can change to, and the link that changes it."""

    resulting_status: ServiceRequestStatus | None = None
    url: Link | None = None
    assignable_roles: tuple[str, ...] | None = None


@attrs.frozen
class OrganizationServiceRequest(Timed):
    """An organization's work on an issue."""

    status: ServiceRequestStatus | None = None
    priority: Priority | None = None
    assignee: Member | None = None
    transitions: tuple[Transition, ...] | None = None
    created_at: Time | None = None
    accepted_at: Time | None = None
    last_assigned_at: Time | None = None
    started_at: Time | None = None
    resumed_at: Time | None = None
    finished_at: Time | None = None
    closed_at: Time | None = None
    reopened_at: Time | None = None
    due_at: Time | None = None
    sla_expires_at: Time | None = None


@attrs.frozen
class Mention(Model):
    """A mention of a user in an internal comment."""

    type: str | None = None
    indices: tuple[Int64, ...] | None = None
    user_id: Int64 | None = None


@attrs.frozen
class InternalComment(Timed):
    """A comment that only members of the organization can see."""

    id: Int64 | None = None
    body: str | None = attrs.field(default=None, repr=False)
    entity_metadata: tuple[Mention, ...] | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    commenter: Member | None = None
    media: Media | None = None


@attrs.frozen
class OrganizationComment(Comment):
    """A public comment, with the type of the event that wrote it, such as `Issue Closed`."""

    comment: str | None = attrs.field(default=None, repr=False)
    comment_type: str | None = None
    commenter: Member | None = None


@attrs.frozen
class OrganizationIssue(DetailedIssue):
    """An issue with its private fields and with links for the actions of members."""

    summary: str | None = attrs.field(default=None, repr=False)
    description: str | None = attrs.field(default=None, repr=False)
    address: str | None = attrs.field(default=None, repr=False)
    reporter: Member | None = None
    assignee: Member | None = None
    agent: Member | None = None
    comments: tuple[OrganizationComment, ...] | None = None
    internal_comments: tuple[InternalComment, ...] | None = None
    is_private: bool | None = None
    visibility: str | None = None
    report_method: str | None = None
    priority: Priority | None = None
    sla_expires_at: Time | None = None
    due_at: Time | None = None
    active_service_request: OrganizationServiceRequest | None = None
    duplicate_issues: tuple[Any, ...] | None = attrs.field(default=None, repr=False, hash=False)
    canonical_issue: Any = attrs.field(default=None, repr=False, hash=False)
    closing_questions_pending: bool | None = None
    closing_questions_url: Link | None = None
    internal_comments_url: Link | None = None
    recategorize_url: Link | None = None
    assignment_url: Link | None = None
    mark_as_duplicate_url: Link | None = None
    integrations_url: Link | None = None
    integration_categories_url: Link | None = None

    def __attrs_post_init__(self) -> None:
        DetailedIssue.__attrs_post_init__(self)
        if self.assignee == Member():
            object.__setattr__(self, "assignee", None)
