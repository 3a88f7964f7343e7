"""Accounts: the signed-in user's own."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import answers
from seeclickfix_async.sandbox.door import Door, Handler


@attrs.define(eq=False)
class Accounts:
    """Shows accounts."""

    door: Door

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        return {("GET", "/profile"): self.profile}

    async def profile(self, request: Request) -> Response:
        """`GET /profile`: 200 for nobody as well (documented)."""
        user = self.door.user(request)
        body = {"id": None} if user is None else self.door.people.profile(user)
        return answers.fresh(request, body)
