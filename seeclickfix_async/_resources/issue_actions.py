"""Actions on an existing issue."""

from __future__ import annotations

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.reading import read_written_or_moderated
from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async._transport.multipart import Attachment
from seeclickfix_async.models import Comment, Moderated


@attrs.frozen
class IssueActions:
    """The writing half of `client.issues`. Sources: API pages "Comments", "Status", "Votes".

    Every write needs a signed-in user, and is sent again only when it surely did nothing. One that
    is cancelled while it is under way may have been carried out. All of them raise:

        InvalidArgumentError: An argument cannot be used; nothing was sent.
        AuthenticationError: There is no token, or it is refused.
        PermissionDeniedError: This account may not do it.
        NotFoundError: There is no such issue, or this account may not see it.
        ValidationError: The service refuses it; `errors` says what, by field.
        AnswerLostError: It may have been carried out: read before you write again.
    """

    _api: Requestor = attrs.field(repr=False)

    async def comment(
        self, id: int, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Comment on an issue.

        Args:
            id: The issue.
            comment: What to say.
            image: A photo, png, jpeg or gif up to 20 MB; streamed, never read whole.
            youtube_url: A film.
        """
        return await self._comment("comments", id, comment, image, youtube_url)

    async def close(
        self, id: int, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Close an issue, with a comment that says why (documented: required).

        Args:
            id: The issue.
            comment: Why.
            image: As for `comment()`.
            youtube_url: A film.
        """
        return await self._comment("close", id, comment, image, youtube_url)

    async def reopen(
        self, id: int, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Open a closed issue again. An archived one stays archived (documented).

        Args:
            id: The issue.
            comment: Why.
            image: As for `comment()`.
            youtube_url: A film.
        """
        return await self._comment("open", id, comment, image, youtube_url)

    async def acknowledge(
        self, id: int, comment: str, *, image: Image | None = None, youtube_url: str | None = None
    ) -> Comment | Moderated:
        """Acknowledge an issue; for officials, who `permissions.can_acknowledge`.

        Args:
            id: The issue.
            comment: What to say.
            image: As for `comment()`.
            youtube_url: A film.
        """
        return await self._comment("acknowledge", id, comment, image, youtube_url)

    async def vote(self, id: int) -> None:
        """Vote for an issue; voting twice counts once (documented)."""
        await self._act("POST", "vote", id)

    async def unvote(self, id: int) -> None:
        """Take a vote back."""
        await self._act("DELETE", "vote", id)

    async def follow(self, id: int) -> None:
        """Follow an issue. Following twice is refused by the service (documented)."""
        await self._act("POST", "follow", id)

    async def unfollow(self, id: int) -> None:
        """Follow an issue no longer."""
        await self._act("DELETE", "follow", id)

    async def flag(self, id: int, message: str) -> None:
        """Flag an issue as inappropriate. It cannot be undone (documented).

        Args:
            id: The issue.
            message: Why.
        """
        body = {"message": validation.non_empty_str("message", message)}
        await self._act("POST", "flag", id, body)

    async def _act(
        self, method: str, action: str, id: int, body: dict[str, str] | None = None
    ) -> None:
        number = validation.positive_id("id", id)
        await self._api.write(method, f"/issues/{{id}}/{action}", body, id=number)

    async def _comment(
        self, action: str, id: int, comment: str, image: Image | None, youtube_url: str | None
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
