"""Accounts: one's own, other people's, new ones, and their e-mail addresses."""

from __future__ import annotations

import re
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _photos as photos
from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._gateway import Gateway, Handler
from seeclickfix_async.sandbox._listing import window
from seeclickfix_async.sandbox._request_body import parse_body

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_LENGTHS = {"name": (3, 40), "password": (4, 40)}  # documented


@attrs.define(eq=False)
class Accounts:
    """Shows accounts, makes and changes them."""

    door: Gateway

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        return {
            ("GET", "/profile"): self.profile,
            ("PUT", "/profile"): self.update,
            ("GET", "/users"): self.near,
            ("POST", "/users"): self.register,
            ("GET", "/users/{id:int}"): self.one,
            ("GET", "/emails"): self.emails,
            ("POST", "/emails"): self.add_email,
            ("DELETE", "/emails/{id:int}"): self.remove_email,
        }

    async def profile(self, request: Request) -> Response:
        """`GET /profile`: 200 for nobody as well (documented)."""
        user = self.door.user(request)
        body = {"id": None} if user is None else self.door.people.profile(user)
        return answers.fresh(request, body)

    async def one(self, request: Request) -> Response:
        """`GET /users/:id`."""
        people, user = self.door.people, request.path_params["id"]
        if user not in people.accounts:
            return answers.no_such_thing()
        return answers.fresh(request, people.profile(user))

    async def near(self, request: Request) -> Response:
        """`GET /users`: who lives around a point; everybody does."""
        query = dict(request.query_params)
        if not {"lat", "lng"} <= set(query):
            return answers.no_point()
        people = self.door.people
        url = str(request.url.replace(query=""))
        page = window(sorted(people.accounts), url, query, most=100)
        rows = [people.profile(user) for user in page.rows]
        return answers.fresh(request, answers.collection("users", rows, page.pagination))

    async def register(self, request: Request) -> Response:
        """`POST /users`."""
        body = await parse_body(request)
        errors = _faults(body, required=("name", "email", "password"))
        if str(body.get("accept_terms")).lower() != "true":
            errors["accept_terms"] = "must be accepted."
        if errors:
            return answers.invalid(errors)
        user = self.door.people.register(body["name"], body["email"])
        return answers.answer(self.door.people.profile(user), 201)

    async def update(self, request: Request) -> Response:
        """`PUT /profile`."""
        user = self.door.signed_in(request)
        body = await parse_body(request)
        errors = _faults(body)
        if errors:
            return answers.invalid({"errors": errors})
        if "name" in body:
            self.door.people.accounts[user] = body["name"]
        return answers.answer(self.door.people.profile(user))

    async def emails(self, request: Request) -> Response:
        """`GET /emails`: no paging is documented."""
        user = self.door.signed_in(request)
        rows = self.door.people.emails.get(user, [])
        return answers.fresh(request, {"emails": rows, "errors": {}})

    async def add_email(self, request: Request) -> Response:
        """`POST /emails`."""
        user = self.door.signed_in(request)
        email = (await parse_body(request)).get("email")
        if not _ADDRESS.fullmatch(str(email or "")):
            return answers.invalid({"email": "Can't be blank." if not email else "Is invalid."})
        return answers.answer(self.door.people.add_email(user, str(email)), 201)

    async def remove_email(self, request: Request) -> Response:
        """`DELETE /emails/:id`."""
        rows = self.door.people.emails.get(self.door.signed_in(request), [])
        for row in rows:
            if row["id"] == request.path_params["id"]:
                rows.remove(row)
                return Response(status_code=204)
        return answers.no_such_thing()


def _faults(body: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, str]:
    """What is wrong with an account, in the flat form (documented)."""
    errors = {field: "Can't be blank." for field in required if not body.get(field)}
    for field, (shortest, longest) in _LENGTHS.items():
        if field in body and not shortest <= len(body[field]) <= longest:
            errors[field] = f"Must have {shortest} to {longest} characters."
    if "email" in body and not _ADDRESS.fullmatch(body["email"]):
        errors["email"] = "Is invalid."
    if body.get("password") != body.get("password_confirmation"):
        errors["password_confirmation"] = "Doesn't match."  # noqa: S105  # a sentence
    picture = body.get("uploaded_data")
    if picture is not None and not (isinstance(picture, bytes) and photos.kind_of(picture)):
        errors["uploaded_data"] = "Is no picture."
    return errors
