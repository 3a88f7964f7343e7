"""What people do to issues: comment, change the status, vote, follow, flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _photos as photos
from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import ACKNOWLEDGED, CLOSED, OPEN, STATUSES, City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._overlay import Overlay, Written
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import OFFICIAL

# What each verb makes of which statuses. Archived is final (documented).
_VERBS = {
    "open": (OPEN, {CLOSED}),
    "acknowledge": (ACKNOWLEDGED, {OPEN}),
    "close": (CLOSED, {OPEN, ACKNOWLEDGED}),
}
_DATED = {"open": "reopened_at", "acknowledge": "acknowledged_at"}


@attrs.define(eq=False)
class IssueActionRoutes:
    """Writes about issues that are there; each is seen by the next read."""

    city: City
    door: Gateway
    ledger: Overlay
    photos: Photos

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        issue = "/issues/{id:int}"
        return {
            ("POST", f"{issue}/comments"): self.comment,
            **{("POST", f"{issue}/{verb}"): self._status(verb) for verb in _VERBS},
            ("POST", f"{issue}/vote"): self._counted("vote", self._vote),
            ("DELETE", f"{issue}/vote"): self._counted("", self._unvote),
            ("POST", f"{issue}/follow"): self._counted("follow", self._follow),
            ("DELETE", f"{issue}/follow"): self._counted("", self._unfollow),
            ("POST", f"{issue}/flag"): self.flag,
            ("POST", "/comments/{id:int}/flag"): self.flag_comment,
        }

    async def comment(self, request: Request) -> Response:
        """`POST /issues/:id/comments`."""
        user, row = self.door.signed_in(request), self._which(request)
        body = await parse_body(request)
        photo = _photo(body)
        if self.door.settings.moderated:
            return answers.held_back()
        said = self._say(request, user, row, body["comment"], photo)
        return self._said(row, {"body": said["comment"], **said})

    def _status(self, verb: str) -> Handler:
        """`POST /issues/:id/open`, `acknowledge` and `close`: a comment is required."""
        status, allowed = _VERBS[verb]

        async def change(request: Request) -> Response:
            user, row = self.door.signed_in(request), self._which(request)
            if verb == "acknowledge" and user != OFFICIAL:
                return answers.forbidden()
            body = await parse_body(request)
            photo = _photo(body)
            if self.city.status[row] not in allowed:
                now = STATUSES[self.city.status[row]].lower()
                return answers.invalid({"errors": {"status": f"is {now}, so it cannot {verb}"}})
            if self.door.settings.moderated:
                return answers.held_back()
            self.city.set_status(row, status)
            if verb in _DATED:
                self.ledger.open(row).fields[_DATED[verb]] = format_timestamp(self.city.present)
            return self._said(row, self._say(request, user, row, body["comment"], photo))

        return change

    def _counted(self, key: str, change: Callable[[int, int, Written], None]) -> Handler:
        """Votes and follows: 201 with a count, 204 for taking one back (documented)."""

        async def handler(request: Request) -> Response:
            user, row = self.door.signed_in(request), self._which(request)
            change(row, user, self.ledger.open(row))
            return answers.answer({key: 1}, 201) if key else Response(status_code=204)

        return handler

    def _vote(self, row: int, user: int, written: Written) -> None:
        if user not in written.voters:  # a second vote is ignored (documented)
            written.voters.add(user)
            self.city.rate(row, 1)

    def _unvote(self, row: int, user: int, written: Written) -> None:
        if user in written.voters:
            written.voters.remove(user)
            self.city.rate(row, -1)

    def _follow(self, _row: int, user: int, written: Written) -> None:
        if user in written.followers:  # following twice is an error (documented)
            raise answers.Refused(answers.invalid({"base": "You follow this issue already."}))
        written.followers.add(user)

    def _unfollow(self, _row: int, user: int, written: Written) -> None:
        written.followers.discard(user)

    async def flag(self, request: Request) -> Response:
        """`POST /issues/:id/flag`."""
        self.door.signed_in(request)
        self._which(request)
        return await self._flagged("issue", request)

    async def flag_comment(self, request: Request) -> Response:
        """`POST /comments/:id/flag`."""
        self.door.signed_in(request)
        number: int = request.path_params["id"]
        known = self.ledger.has_comment(number) or self.city.row_of(number // 10) is not None
        return await self._flagged("comment", request) if known else answers.no_such_thing()

    async def _flagged(self, what: str, request: Request) -> Response:
        message = (await parse_body(request)).get("message")
        if not message:
            return answers.invalid({"errors": {"message": ["can't be blank"]}})
        self.ledger.flags.append((what, request.path_params["id"], message))
        return answers.answer({"flagged": 1}, 201)

    def _which(self, request: Request) -> int:
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            raise answers.Refused(answers.no_such_thing())
        return row

    def _say(
        self, request: Request, user: int, row: int, text: str, photo: bytes | None
    ) -> dict[str, Any]:
        """Write a comment down; gives it as lists have it."""
        here = origin(request)
        now = format_timestamp(self.city.present)
        number = self.ledger.new_comment(row)
        said = {
            "comment": text,
            "created_at": now,
            "updated_at": now,
            "editable_until": None,
            "last_edited_at": None,
            "commenter": self.door.people.ref(user, here),
            "issue_url": f"{here}/api/v2/issues/{self.city.id_of(row)}",
            "flag_url": f"{here}/api/v2/comments/{number}/flag",
            "media": photos.links(here, self.photos.keep(photo) if photo else None),
            "show_blocked_comment_text": False,
        }
        self.ledger.open(row).comments.append(said)
        self.city.touch(row)
        return said

    def _said(self, row: int, said: dict[str, Any]) -> Response:
        """201, with the keys that are documented for it."""
        kept = {name: said[name] for name in _ANSWERED if name in said}
        issue = {"status": STATUSES[self.city.status[row]], "rating": self.city.rating[row]}
        return answers.answer({"moderated": False, **kept, "issue": issue}, 201)


_ANSWERED = ("comment", "body", "created_at", "updated_at", "commenter", "media")


def _photo(body: dict[str, Any]) -> bytes | None:
    """The photo of a comment, which must have a text too."""
    errors: dict[str, list[str]] = {}
    if not str(body.get("comment") or "").strip():
        errors["comment"] = ["can't be blank"]
    photo = body.get("image")
    if photo is not None and not (isinstance(photo, bytes) and photos.kind_of(photo)):
        errors["image"] = ["must be a png, jpeg or gif"]
    if errors:
        raise answers.Refused(answers.invalid({"errors": errors}))
    return photo
