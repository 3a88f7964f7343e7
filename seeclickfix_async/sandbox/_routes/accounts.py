"""User accounts: profiles, registration and e-mail addresses."""

from __future__ import annotations

import re
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._gateway import Gateway, Handler
from seeclickfix_async.sandbox._listing import paginate
from seeclickfix_async.sandbox._photos import media_type_of
from seeclickfix_async.sandbox._request_body import parse_body

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LENGTHS = {"name": (3, 40), "password": (4, 40)}  # documented


@attrs.define(eq=False)
class AccountRoutes:
    """The endpoints that show, create and change accounts."""

    gateway: Gateway

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path."""
        return {
            ("GET", "/profile"): self.profile,
            ("PUT", "/profile"): self.update,
            ("GET", "/users"): self.list_users,
            ("POST", "/users"): self.register,
            ("GET", "/users/{id:int}"): self.show,
            ("GET", "/emails"): self.emails,
            ("POST", "/emails"): self.add_email,
            ("DELETE", "/emails/{id:int}"): self.remove_email,
        }

    async def profile(self, request: Request) -> Response:
        """`GET /profile`: 200 without a user, too (documented)."""
        user = self.gateway.current_user(request)
        if user is not None:
            return responses.cacheable(request, self.gateway.users.profile(user))
        if self.gateway.settings.anonymous_profile == "unauthorized":
            return responses.unauthorized()
        return responses.cacheable(request, {"id": None})

    async def show(self, request: Request) -> Response:
        """`GET /users/:id`."""
        users, user = self.gateway.users, request.path_params["id"]
        if user not in users.names:
            return responses.not_found()
        return responses.cacheable(request, users.profile(user))

    async def list_users(self, request: Request) -> Response:
        """`GET /users`: users near a point; here, every user."""
        query = dict(request.query_params)
        if not {"lat", "lng"} <= set(query):
            return responses.point_missing()
        users = self.gateway.users
        page = paginate(sorted(users.names), request.url, query)
        rows = [users.profile(user) for user in page.rows]
        return responses.cacheable(request, responses.collection("users", rows, page.pagination))

    async def register(self, request: Request) -> Response:
        """`POST /users`."""
        body = await parse_body(request)
        errors = _find_errors(body, required=("name", "email", "password"))
        if str(body.get("accept_terms")).lower() != "true":
            errors["accept_terms"] = "must be accepted."
        if errors:
            return responses.invalid(errors)
        user = self.gateway.users.register(body["name"], body["email"])
        return responses.json_response(self.gateway.users.profile(user), 201)

    async def update(self, request: Request) -> Response:
        """`PUT /profile`."""
        user = self.gateway.require_user(request)
        body = await parse_body(request)
        errors = _find_errors(body)
        if errors:
            return responses.invalid({"errors": errors})
        if "name" in body:
            self.gateway.users.names[user] = body["name"]
        return responses.json_response(self.gateway.users.profile(user))

    async def emails(self, request: Request) -> Response:
        """`GET /emails`: no paging is documented."""
        user = self.gateway.require_user(request)
        rows = self.gateway.users.emails.get(user, [])
        return responses.cacheable(request, {"emails": rows, "errors": {}})

    async def add_email(self, request: Request) -> Response:
        """`POST /emails`."""
        user = self.gateway.require_user(request)
        email = (await parse_body(request)).get("email")
        if not _EMAIL.fullmatch(str(email or "")):
            return responses.invalid({"email": "Can't be blank." if not email else "Is invalid."})
        return responses.json_response(self.gateway.users.add_email(user, str(email)), 201)

    async def remove_email(self, request: Request) -> Response:
        """`DELETE /emails/:id`."""
        rows = self.gateway.users.emails.get(self.gateway.require_user(request), [])
        for row in rows:
            if row["id"] == request.path_params["id"]:
                rows.remove(row)
                return Response(status_code=204)
        return responses.not_found()


def _find_errors(body: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, str]:
    """Validate an account; return the errors by field, in the flat form (documented)."""
    errors = {field: "Can't be blank." for field in required if not body.get(field)}
    for field, (shortest, longest) in _LENGTHS.items():
        if field in body and not shortest <= len(body[field]) <= longest:
            errors[field] = f"Must have {shortest} to {longest} characters."
    if "email" in body and not _EMAIL.fullmatch(body["email"]):
        errors["email"] = "Is invalid."
    if body.get("password") != body.get("password_confirmation"):
        errors["password_confirmation"] = "Doesn't match."  # noqa: S105  # a message, not a password
    picture = body.get("uploaded_data")
    if picture is not None and not (isinstance(picture, bytes) and media_type_of(picture)):
        errors["uploaded_data"] = "Is no picture."
    return errors
