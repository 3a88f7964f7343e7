"""Actions on issues: comment, change the status, vote, follow, flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._city import ACKNOWLEDGED, CLOSED, OPEN, STATUSES, City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, find_row, origin
from seeclickfix_async.sandbox._overlay import IssueChanges, Overlay
from seeclickfix_async.sandbox._photos import Photos, media_type_of
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import OFFICIAL

# The new status of each action, and the statuses that allow it. Archived is final (documented).
_TRANSITIONS = {
    "open": (OPEN, {CLOSED}),
    "acknowledge": (ACKNOWLEDGED, {OPEN}),
    "close": (CLOSED, {OPEN, ACKNOWLEDGED}),
}
_TIMESTAMP_FIELDS = {"open": "reopened_at", "acknowledge": "acknowledged_at"}


@attrs.define(eq=False)
class IssueActionRoutes:
    """The endpoints that change issues; the next read shows each change."""

    city: City
    gateway: Gateway
    overlay: Overlay
    photos: Photos

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path."""
        issue = "/issues/{id:int}"
        return {
            ("POST", f"{issue}/comments"): self.comment,
            **{
                ("POST", f"{issue}/{verb}"): self._transition_handler(verb) for verb in _TRANSITIONS
            },
            ("POST", f"{issue}/vote"): self._count_handler("vote", self._vote),
            ("DELETE", f"{issue}/vote"): self._count_handler("", self._unvote),
            ("POST", f"{issue}/follow"): self._count_handler("follow", self._follow),
            ("DELETE", f"{issue}/follow"): self._count_handler("", self._unfollow),
            ("POST", f"{issue}/flag"): self.flag,
            ("POST", "/comments/{id:int}/flag"): self.flag_comment,
        }

    async def comment(self, request: Request) -> Response:
        """`POST /issues/:id/comments`."""
        user, row = self.gateway.require_user(request), find_row(self.city, request)
        body = await parse_body(request)
        photo = _validated_photo(body)
        if self.gateway.settings.moderated:
            return responses.moderated()
        comment = self._add_comment(request, user, row, body["comment"], photo)
        return self._created_response(row, {"body": comment["comment"], **comment})

    def _transition_handler(self, verb: str) -> Handler:
        """Return `POST /issues/:id/open`, `acknowledge` or `close`: a comment is required."""
        status, allowed = _TRANSITIONS[verb]

        async def change(request: Request) -> Response:
            user, row = self.gateway.require_user(request), find_row(self.city, request)
            if verb == "acknowledge" and user != OFFICIAL:
                return responses.forbidden()
            body = await parse_body(request)
            photo = _validated_photo(body)
            if self.city.status[row] not in allowed:
                current = STATUSES[self.city.status[row]].lower()
                return responses.invalid(
                    {"errors": {"status": f"is {current}, so it cannot {verb}"}}
                )
            if self.gateway.settings.moderated:
                return responses.moderated()
            self.city.set_status(row, status)
            if verb in _TIMESTAMP_FIELDS:
                self.overlay.edit(row).fields[_TIMESTAMP_FIELDS[verb]] = format_timestamp(
                    self.city.current_time
                )
            return self._created_response(
                row, self._add_comment(request, user, row, body["comment"], photo)
            )

        return change

    def _count_handler(self, key: str, change: Callable[[int, int, IssueChanges], None]) -> Handler:
        """Return a handler of votes or follows: 201 with a count, or 204 (documented)."""

        async def handler(request: Request) -> Response:
            user, row = self.gateway.require_user(request), find_row(self.city, request)
            change(row, user, self.overlay.edit(row))
            return responses.json_response({key: 1}, 201) if key else Response(status_code=204)

        return handler

    def _vote(self, row: int, user: int, changes: IssueChanges) -> None:
        if user not in changes.voters:  # a second vote is ignored (documented)
            changes.voters.add(user)
            self.city.rate(row, 1)

    def _unvote(self, row: int, user: int, changes: IssueChanges) -> None:
        if user in changes.voters:
            changes.voters.remove(user)
            self.city.rate(row, -1)

    def _follow(self, _row: int, user: int, changes: IssueChanges) -> None:
        if user in changes.followers:  # following twice is an error (documented)
            raise responses.RefusedError(
                responses.invalid({"base": "You follow this issue already."})
            )
        changes.followers.add(user)

    def _unfollow(self, _row: int, user: int, changes: IssueChanges) -> None:
        changes.followers.discard(user)

    async def flag(self, request: Request) -> Response:
        """`POST /issues/:id/flag`."""
        self.gateway.require_user(request)
        find_row(self.city, request)
        return await self._add_flag("issue", request)

    async def flag_comment(self, request: Request) -> Response:
        """`POST /comments/:id/flag`."""
        self.gateway.require_user(request)
        comment_id: int = request.path_params["id"]
        generated = self.city.row_of(comment_id // 10)
        known = self.overlay.has_comment(comment_id) or generated is not None
        return await self._add_flag("comment", request) if known else responses.not_found()

    async def _add_flag(self, kind: str, request: Request) -> Response:
        message = (await parse_body(request)).get("message")
        if not message:
            return responses.invalid({"errors": {"message": ["can't be blank"]}})
        self.overlay.flags.append((kind, request.path_params["id"], message))
        return responses.json_response({"flagged": 1}, 201)

    def _add_comment(
        self, request: Request, user: int, row: int, text: str, photo: bytes | None
    ) -> dict[str, Any]:
        """Add a comment; return it as lists have it."""
        base_url = origin(request)
        now = format_timestamp(self.city.current_time)
        comment_id = self.overlay.new_comment_id()
        comment = {
            "comment": text,
            "created_at": now,
            "updated_at": now,
            "editable_until": None,
            "last_edited_at": None,
            "commenter": self.gateway.users.author(user, base_url),
            "issue_url": f"{base_url}/api/v2/issues/{self.city.id_of(row)}",
            "flag_url": f"{base_url}/api/v2/comments/{comment_id}/flag",
            "media": self.photos.store(base_url, photo),
            "show_blocked_comment_text": False,
        }
        self.overlay.add_comment(row, comment_id, comment)
        self.city.touch(row)
        return comment

    def _created_response(self, row: int, comment: dict[str, Any]) -> Response:
        """Return 201 with the documented keys of the comment."""
        selected = {name: comment[name] for name in _CREATED_KEYS if name in comment}
        issue = {"status": STATUSES[self.city.status[row]], "rating": self.city.rating[row]}
        return responses.json_response({"moderated": False, **selected, "issue": issue}, 201)


_CREATED_KEYS = ("comment", "body", "created_at", "updated_at", "commenter", "media")


def _validated_photo(body: dict[str, Any]) -> bytes | None:
    """Validate a comment; return its photo.

    Raises:
        RefusedError: The comment is blank, or the photo is not one.
    """
    errors: dict[str, list[str]] = {}
    if not str(body.get("comment") or "").strip():
        errors["comment"] = ["can't be blank"]
    photo = body.get("image")
    if photo is not None and not (isinstance(photo, bytes) and media_type_of(photo)):
        errors["image"] = ["must be a png, jpeg or gif"]
    if errors:
        raise responses.RefusedError(responses.invalid({"errors": errors}))
    return photo
