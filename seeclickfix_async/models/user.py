"""People."""

from __future__ import annotations

import attrs

from seeclickfix_async.models.common import Avatar, Link, Time


@attrs.frozen
class UserRef:
    """A person as named in an issue or a comment.

    Id 0 is everybody who reported anonymously; some staff have no id (both observed). Roles
    seen: `Registered User`, `Guest`, `Verified Official`, `Admin`.
    """

    id: int | None = None
    name: str | None = None
    role: str | None = None
    avatar: Avatar | None = None
    html_url: Link | None = None
    witty_title: str | None = None
    civic_points: int | None = None


@attrs.frozen
class Permissions:
    """What an account may do beyond reporting; `can_acknowledge` marks an official."""

    can_acknowledge: bool | None = None


@attrs.frozen
class User:
    """An account, as `GET /profile` and `GET /users/:id` tell (documented)."""

    id: int
    name: str | None = None
    role: str | None = None
    avatar: Avatar | None = None
    html_url: Link | None = None
    witty_title: str | None = None
    civic_points: int | None = None
    reported_issue_count: int | None = None
    closed_issue_count: int | None = None
    comments_count: int | None = None
    following_issue_count: int | None = None
    voted_issue_count: int | None = None
    permissions: Permissions | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
