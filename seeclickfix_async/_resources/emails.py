"""The signed-in user's e-mail addresses."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.reading import read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async.models import Email


@attrs.frozen
class Emails:
    """`client.emails`. Source: API page "Emails".

    All of them raise AuthenticationError when nobody is signed in.
    """

    _api: Requestor = attrs.field(repr=False)

    async def list(self) -> tuple[Email, ...]:
        """The addresses of the signed-in user."""
        return await self._api.get_items(CollectionRoute(Email, "emails", "/emails"))

    async def add(self, email: str) -> Email:
        """Add an address; it is confirmed when its owner follows the link that is mailed to it.

        Args:
            email: The address.

        Raises:
            ValidationError: The service does not take it.
            AnswerLostError: It may have been added.
        """
        body = {"email": validation.non_empty_str("email", email)}
        return read_written(await self._api.write("POST", "/emails", body), Email)

    async def remove(self, id: int) -> None:
        """Remove an address.

        Args:
            id: As `list()` tells it.

        Raises:
            NotFoundError: There is none of this id.
        """
        await self._api.write("DELETE", "/emails/{id}", id=validation.positive_id("id", id))
