"""The signed-in user's e-mail addresses."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.reading import read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._core.response import Response
from seeclickfix_async.models import Email


@attrs.frozen
class Emails:
    """`client.emails`. Source: API page "Emails".

    Every method raises AuthenticationError without a valid token.
    """

    _api: Requestor = attrs.field(repr=False)

    async def list(self) -> tuple[Email, ...]:
        """List the addresses of the signed-in user."""
        return await self._api.get_items(CollectionRoute(Email, "emails", "/emails"))

    async def add(self, email: str) -> Email:
        """Add an address. The service mails a link to it, which its owner follows to confirm it.

        Args:
            email: The address.

        Raises:
            ValidationError: The service does not accept it.
            AnswerLostError: It may have been added.
        """
        body = {"email": validation.non_empty_str("email", email)}
        return read_written(await self._api.write("POST", "/emails", body), Email)

    async def remove(self, id: Id) -> Response:
        """Remove an address.

        Args:
            id: The `Email.id` of the address.

        Returns:
            The undecoded response.

        Raises:
            NotFoundError: There is no address with this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.write("DELETE", "/emails/{id}", id=number)
