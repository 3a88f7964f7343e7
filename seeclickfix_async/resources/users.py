"""People."""

from __future__ import annotations

import attrs

from seeclickfix_async.api import Api
from seeclickfix_async.models import User


@attrs.frozen
class _Whoever:
    id: int | None = None


@attrs.frozen
class Users:
    """`client.users`. Source: API pages "Users" and "Profile"."""

    _api: Api = attrs.field(repr=False)

    async def me(self) -> User | None:
        """The account that the token belongs to; None when nobody is signed in.

        Raises:
            AuthenticationError: The service refuses the token.
        """
        response = await self._api.get("/profile")
        # The answer to nobody is {"id": null} with status 200 (documented).
        if self._api.read(response, _Whoever).id is None:
            return None
        return self._api.read(response, User)
