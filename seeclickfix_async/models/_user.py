"""Users: the people and accounts of the service."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Avatar, Int64, Link, Time, Timed
from seeclickfix_async.models._model import Model

OFFICIAL_ROLES = frozenset({"Verified Official", "Admin"})
"""The roles of staff (observed)."""


@attrs.frozen
class UserRef(Model):
    """A user as referenced by an issue or a comment.

    Id 0 stands for all anonymous reporters; some staff have no id (both observed). Observed
    roles: `Registered User`, `Guest`, `Verified Official`, `Admin`.
    """

    id: Int64 | None = None
    name: str | None = None
    role: str | None = None
    avatar: Avatar | None = None
    html_url: Link | None = None
    witty_title: str | None = None
    civic_points: Int64 | None = None


@attrs.frozen
class Permissions(Model):
    """Permissions of an account beyond reporting; `can_acknowledge` marks an official."""

    can_acknowledge: bool | None = None


@attrs.frozen
class User(Timed):
    """An account, as returned by `GET /profile` and `GET /users/:id` (documented)."""

    id: Int64
    name: str | None = None
    role: str | None = None
    avatar: Avatar | None = None
    html_url: Link | None = None
    witty_title: str | None = None
    civic_points: Int64 | None = None
    reported_issue_count: Int64 | None = None
    closed_issue_count: Int64 | None = None
    comments_count: Int64 | None = None
    following_issue_count: Int64 | None = None
    voted_issue_count: Int64 | None = None
    permissions: Permissions | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
