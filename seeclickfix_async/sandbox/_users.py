"""Who uses the sandbox, and with which token."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from typing import Any

import attrs

from seeclickfix_async.sandbox._city import END
from seeclickfix_async.sandbox._timestamps import format_timestamp

TOKEN = "sandbox-token"  # noqa: S105  # opens nothing but this sandbox
"""The token of the sandbox's first resident."""

NEIGHBOUR_TOKEN = "sandbox-neighbour-token"  # noqa: S105
"""The token of another resident, to vote and follow with."""
OFFICIAL_TOKEN = "sandbox-official-token"  # noqa: S105
"""The token of an official, who may acknowledge."""

RESIDENT = 41
OFFICIAL = 42
NEIGHBOUR = 43


@attrs.define(eq=False)
class Users:
    """The accounts and their tokens."""

    tokens: dict[str, int] = attrs.field(
        factory=lambda: {TOKEN: RESIDENT, NEIGHBOUR_TOKEN: NEIGHBOUR, OFFICIAL_TOKEN: OFFICIAL}
    )
    accounts: dict[int, str] = attrs.field(
        factory=lambda: {user: f"Resident {user}" for user in (RESIDENT, OFFICIAL, NEIGHBOUR)}
    )
    """Their names."""
    emails: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(801))

    def issue_token(self, user: int = RESIDENT) -> str:
        """A new access token, of the provider's length."""
        token = secrets.token_urlsafe(32)
        self.tokens[token] = user
        return token

    def register(self, name: str, email: str) -> int:
        """A new account; gives its id."""
        user = max(self.accounts) + 1
        self.accounts[user] = name
        self.add_email(user, email)
        return user

    def add_email(self, user: int, email: str) -> dict[str, Any]:
        """One more address of an account."""
        row = {"id": next(self._numbers), "confirmed": False, "email": email}
        self.emails.setdefault(user, []).append(row)
        return row

    def ref(self, user: int, origin: str) -> dict[str, Any]:
        """An account as issues and comments name it (observed shape)."""
        picture = f"{origin}/assets/no-avatar-100.png"
        return {
            "id": user,
            "name": self.accounts.get(user, f"Resident {user}"),
            "role": "Verified Official" if user == OFFICIAL else "Registered User",
            "avatar": {"full": picture, "square_100x100": picture},
            "html_url": f"{origin}/users/{user}",
            "witty_title": "",
            "civic_points": 0,
        }

    def profile(self, user: int) -> dict[str, Any]:
        """An account as `GET /profile` shows it (documented)."""
        return {
            "id": user,
            "name": self.accounts.get(user, f"Resident {user}"),
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
