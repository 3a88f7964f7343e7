"""Comments by themselves."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation


@attrs.frozen
class Comments:
    """`client.comments`; an issue's comments are read with `client.issues.comments()`."""

    _api: Requestor = attrs.field(repr=False)

    async def flag(self, id: int, message: str) -> None:
        """Tell the service that a comment is out of place. It cannot be undone (documented).

        Args:
            id: The comment's id, which `Comment.id` reads out of its links.
            message: Why.

        Raises:
            NotFoundError: There is no such comment.
            AnswerLostError: It may have been carried out.
        """
        body = {"message": validation.non_empty_str("message", message)}
        number = validation.positive_id("id", id)
        await self._api.write("POST", "/comments/{id}/flag", body, id=number)
