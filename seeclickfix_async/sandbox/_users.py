"""The users of the sandbox and their access tokens."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from seeclickfix_async._core.timestamps import Now, utc_now
from seeclickfix_async.sandbox._city import END
from seeclickfix_async.sandbox._timestamps import format_timestamp

TOKEN = "sandbox-token"  # noqa: S105  # valid in the sandbox only
"""The access token of a resident."""

NEIGHBOUR_TOKEN = "sandbox-neighbour-token"  # noqa: S105
"""The access token of another resident."""
OFFICIAL_TOKEN = "sandbox-official-token"  # noqa: S105
"""The access token of an official, who can acknowledge issues."""

ANONYMOUS_NAME = "An anonymous SeeClickFix user"

RESIDENT = 41
OFFICIAL = 42
NEIGHBOUR = 43


@attrs.define(eq=False)
class Users:
    """The accounts.

    Attributes:
        now: Returns the time of the sandbox.
        tokens: The user of each valid access token.
        ends: When a token expires, if it does.
        names: The name of each user.
        emails: The e-mail addresses of each user.
    """

    now: Now = utc_now
    tokens: dict[str, int] = attrs.field(
        factory=lambda: {TOKEN: RESIDENT, NEIGHBOUR_TOKEN: NEIGHBOUR, OFFICIAL_TOKEN: OFFICIAL}
    )
    names: dict[int, str] = attrs.field(
        factory=lambda: {user: f"Resident {user}" for user in (RESIDENT, OFFICIAL, NEIGHBOUR)}
    )
    emails: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    ends: dict[str, datetime] = attrs.field(factory=dict)
    _email_ids: Iterator[int] = attrs.field(factory=lambda: itertools.count(801))

    def issue_token(self, user: int, lifetime: int) -> str:
        """Return a new access token, as long as the provider's; its lifetime is in seconds."""
        token = secrets.token_urlsafe(32)
        self.tokens[token] = user
        self.ends[token] = self.now() + timedelta(seconds=lifetime)
        return token

    def find(self, token: str) -> int | None:
        """Return the user of a valid access token; None for another one."""
        if token in self.ends and self.ends[token] <= self.now():
            self.end_token(token)
        return self.tokens.get(token)

    def end_token(self, token: str) -> None:
        """Let an access token expire."""
        self.tokens.pop(token, None)
        self.ends.pop(token, None)

    def register(self, name: str, email: str) -> int:
        """Create an account; return its id."""
        user = max(self.names) + 1
        self.names[user] = name
        self.add_email(user, email)
        return user

    def add_email(self, user: int, email: str) -> dict[str, Any]:
        """Add an e-mail address to an account; return it."""
        row = {"id": next(self._email_ids), "confirmed": False, "email": email}
        self.emails.setdefault(user, []).append(row)
        return row

    def author(self, user: int, origin: str) -> dict[str, Any]:
        """Return an account as issues and comments name it."""
        return author(origin, user, self._name(user), official=user == OFFICIAL)

    def profile(self, user: int) -> dict[str, Any]:
        """Return an account as `GET /profile` shows it (documented)."""
        return {
            "id": user,
            "name": self._name(user),
            "role": "Verified Official" if user == OFFICIAL else "Registered User",
            "witty_title": "",
            "civic_points": 0,
            "avatar": {"full": None, "square_100x100": None},
            "reported_issue_count": 0,
            "closed_issue_count": 0,
            "comments_count": 0,
            "following_issue_count": 0,
            "voted_issue_count": 0,
            "permissions": {"can_acknowledge": user == OFFICIAL},
            "created_at": format_timestamp(END - 90_000_000),
            "updated_at": format_timestamp(END),
        }

    def _name(self, user: int) -> str:
        return self.names.get(user, f"Resident {user}")


def author(origin: str, user: int, name: str, *, official: bool) -> dict[str, Any]:
    """Return the author of an issue or a comment (observed shape); an anonymous one has id 0."""
    picture = f"{origin}/assets/no-avatar-100.png"
    return {
        "id": user,
        "name": name,
        "role": "Verified Official" if official else "Registered User",
        "avatar": {"full": picture, "square_100x100": picture},
        "html_url": f"{origin}/users/{user or 'anonymous'}",
        "witty_title": "",
        "civic_points": 0,
    }
