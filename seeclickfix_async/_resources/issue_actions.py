"""Actions on an existing issue."""

from __future__ import annotations

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.reading import read_written_or_moderated
from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.multipart import Attachment
from seeclickfix_async.models import Comment, Moderated


@attrs.frozen
class IssueActions:
    """The actions of `client.issues`. Sources: API pages "Comments", "Status", "Votes".

    Every action requires a token, and is sent again only if it certainly had no effect. If it is
    cancelled after it was sent, the service may still carry it out. An action without an object in
    its response returns the response itself.

    Raises:
        InvalidArgumentError: An argument is invalid; nothing was sent.
        AuthenticationError: There is no token, or the service refuses it.
        PermissionDeniedError: The account may not do this.
        NotFoundError: There is no such issue, or the account may not see it.
        ValidationError: The service refuses the action; `errors` has the reasons, by field.
        AnswerLostError: The service may have executed it: check before you write again.
    """

    _api: Requestor = attrs.field(repr=False)

    async def comment(
        self, id: Id, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Comment on an issue.

        Args:
            id: The issue's id.
            comment: The comment.
            image: A photo: a path, bytes, an open binary file or an upload of a web framework; see
                `prepare_photo` for what the service accepts. A file is streamed from its start.
            youtube_url: A link to a video.
        """
        return await self._comment("comments", id, comment, image, youtube_url)

    async def close(
        self, id: Id, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Close an issue, with a comment, which is required (documented).

        Args:
            id: The issue's id.
            comment: The reason.
            image: As for `comment()`.
            youtube_url: A link to a video.
        """
        return await self._comment("close", id, comment, image, youtube_url)

    async def reopen(
        self, id: Id, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Reopen a closed issue. An archived one stays archived (documented).

        Args:
            id: The issue's id.
            comment: The reason.
            image: As for `comment()`.
            youtube_url: A link to a video.
        """
        return await self._comment("open", id, comment, image, youtube_url)

    async def acknowledge(
        self, id: Id, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Acknowledge an issue; for officials, whose `permissions` include `can_acknowledge`.

        Args:
            id: The issue's id.
            comment: The comment.
            image: As for `comment()`.
            youtube_url: A link to a video.
        """
        return await self._comment("acknowledge", id, comment, image, youtube_url)

    async def vote(self, id: Id) -> Response:
        """Vote for an issue; voting twice counts once (documented)."""
        return await self._act("POST", "vote", id)

    async def unvote(self, id: Id) -> Response:
        """Withdraw a vote."""
        return await self._act("DELETE", "vote", id)

    async def follow(self, id: Id) -> Response:
        """Follow an issue. The service refuses to follow it twice (documented)."""
        return await self._act("POST", "follow", id)

    async def unfollow(self, id: Id) -> Response:
        """Stop following an issue."""
        return await self._act("DELETE", "follow", id)

    async def flag(self, id: Id, message: str) -> Response:
        """Flag an issue as inappropriate. It cannot be undone (documented).

        Args:
            id: The issue's id.
            message: The reason.
        """
        body = {"message": validation.non_empty_str("message", message)}
        return await self._act("POST", "flag", id, body)

    async def _act(
        self, method: str, action: str, id: Id, body: dict[str, str] | None = None
    ) -> Response:
        number = validation.positive_id("id", id)
        return await self._api.write(method, f"/issues/{{id}}/{action}", body, id=number)

    async def _comment(
        self, action: str, id: Id, comment: str, image: Image | None, youtube_url: str | None
    ) -> Comment | Moderated:
        number = validation.positive_id("id", id)
        body = bodies.drop_none(
            comment=validation.non_empty_str("comment", comment),
            youtube_url=None
            if youtube_url is None
            else validation.non_empty_str("youtube_url", youtube_url),
        )
        attachment = None if image is None else Attachment("image", image)
        response = await self._api.write(
            "POST", f"/issues/{{id}}/{action}", body, attachment=attachment, id=number
        )
        return read_written_or_moderated(response, Comment)
