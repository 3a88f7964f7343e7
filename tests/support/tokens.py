"""The application, provider site and tokens of tests without a real provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from seeclickfix_async import Retry, TokenStore
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Application, Token

SITE = "https://city.example"
APP = Application("app", "https://app.example/callback", "the-secret", SITE)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NO_WAIT = Retry(base=0, random=lambda: 0.0)


def make_token(number: int, *, age: float = 0.0, lifetime: float | None = 7200.0) -> Token:
    """Return the token `access-<number>`, issued `age` seconds before `NOW`."""
    return Token(
        access_token=Secret(f"access-{number}"),
        token_type="Bearer",
        expires_in=lifetime,
        scope=("public",),
        created_at=NOW - timedelta(seconds=age),
        refresh_token=Secret(f"refresh-{number}"),
    )


async def _lock(store: TokenStore) -> None:
    async with store.lock("me"):
        pass


STORE_CALLS: dict[str, Callable[[TokenStore], Awaitable[object]]] = {
    "get": lambda store: store.get("me"),
    "put": lambda store: store.put("me", make_token(1)),
    "delete": lambda store: store.delete("me"),
    "lock": _lock,
}
"""A call of each method of a token store, by its name."""
