"""People."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Avatar, Int64, Link, Time, Timed


@attrs.frozen
class UserRef:
    """A person as named in an issue or a comment.

    Id 0 is everybody who reported anonymously; some staff have no id (both observed). Roles
    seen: `Registered User`, `Guest`, `Verified Official`, `Admin`.
    """

    id: Int64 | None = None
    name: str | None = None
    role: str | None = None
    avatar: Avatar | None = None
    html_url: Link | None = None
    witty_title: str | None = None
    civic_points: Int64 | None = None


@attrs.frozen
class Permissions:
    """What an account may do beyond reporting; `can_acknowledge` marks an official."""

    can_acknowledge: bool | None = None


@attrs.frozen
class User(Timed):
    """An account, as `GET /profile` and `GET /users/:id` tell (documented)."""

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
