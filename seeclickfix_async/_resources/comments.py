"""Actions on comments."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._core.response import Response


@attrs.frozen
class Comments:
    """`client.comments`; an issue's comments are read with `client.issues.comments()`."""

    _api: Requestor = attrs.field(repr=False)

    async def flag(self, id: Id, message: str) -> Response:
        """Flag a comment as inappropriate. It cannot be undone (documented).

        Args:
            id: The comment's id, which `Comment.id` takes from its links.
            message: The reason.

        Returns:
            The undecoded response.

        Raises:
            NotFoundError: There is no such comment.
            AnswerLostError: The comment may have been flagged.
        """
        body = {"message": validation.non_empty_str("message", message)}
        number = validation.positive_id("id", id)
        return await self._api.write("POST", "/comments/{id}/flag", body, id=number)
