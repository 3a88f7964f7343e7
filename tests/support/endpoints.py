"""Every endpoint that is known, documented or observed, and the method that calls it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
import attrs

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import IssueMayExistError, NotFoundError, ValidationError
from seeclickfix_async.models import Transition
from seeclickfix_async.sandbox import OFFICIAL_TOKEN
from tests.support.in_process import URL, Office

ISSUE = 20_000_000
ORGANIZATION = 311

_POINT: dict[str, Any] = {"lat": 41.05, "lng": -73.54}
_ACCOUNT: dict[str, Any] = {
    "name": "A Name",
    "email": "a@b.example",
    "password": "secret",
    "accept_terms": True,
}
_REPORT: dict[str, Any] = {**_POINT, "description": "A hole"}


async def _draft(client: AsyncClient) -> Any:
    form = await client.request_types.get("other")
    return form.draft(**_POINT, address="here", answers={"summary": "Hello"})


@attrs.frozen
class Endpoint:
    """One endpoint and one way to call it.

    Attributes:
        method: The HTTP method.
        path: Its template.
        call: The client's method, from the client on.
        arguments: Positional ones.
        named: The others.
        drafted: Whether a report's draft is its argument.
        endless: Whether it waits until something happens.
    """

    method: str
    path: str
    call: str
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = attrs.field(factory=dict)
    drafted: bool = False
    endless: bool = False

    async def tried(self) -> Office:
        """Call it; gives the office that it was called at."""
        office = Office()
        client = office.client_of(OFFICIAL_TOKEN)
        arguments = (await _draft(client),) if self.drafted else self.arguments
        office.sandbox.requests.clear()
        called = bound(client, self.call)(*arguments, **self.named)
        patience = anyio.move_on_after(0.5 if self.endless else None)
        # There may be nothing of this id, or it cannot be done to it now: a route said so.
        with suppress(NotFoundError, ValidationError), patience:
            await (called if hasattr(called, "__await__") else anext(aiter(called)))
        return office


def bound(client: AsyncClient, name: str) -> Any:
    """A method by its name; an organization and an Open311 are the sandbox's own."""
    room, _, verb = name.rpartition(".")
    if not room:
        return getattr(client, verb)
    holder = getattr(client, room)
    return getattr(holder(ORGANIZATION) if callable(holder) else holder, verb)


_API = "/api/v2"
_ISSUE = f"{_API}/issues/{{id}}"
_MEMBERS = f"{_API}/organizations/{{id}}"
_OPEN311 = "/open311/v2/{id}"
_LINK = f"{URL}{_API}/organizations/{ORGANIZATION}/issues/{ISSUE}/service_requests/closed"
_PHOTO = "/rails/active_storage/representations/redirect"

ENDPOINTS = (
    # Issues
    Endpoint("GET", f"{_API}/issues", "issues.list"),
    Endpoint("GET", f"{_API}/issues", "issues.crawl"),
    Endpoint("GET", f"{_API}/issues", "issues.watch", endless=True),
    Endpoint("GET", f"{_API}/issues", "issues.duplicates", drafted=True),
    Endpoint("GET", f"{_API}/issues", "issues.find_lost", (IssueMayExistError({}),)),
    Endpoint("POST", f"{_API}/issues", "issues.create", drafted=True),
    Endpoint("GET", _ISSUE, "issues.get", (ISSUE,)),
    Endpoint("GET", f"{_API}/profile/issues", "issues.mine"),
    Endpoint("GET", f"{_ISSUE}/comments", "issues.comments", (ISSUE,)),
    Endpoint("POST", f"{_ISSUE}/comments", "issues.comment", (ISSUE, "Hello")),
    Endpoint("POST", f"{_ISSUE}/close", "issues.close", (ISSUE, "Done")),
    Endpoint("POST", f"{_ISSUE}/open", "issues.reopen", (ISSUE, "Not done")),
    Endpoint("POST", f"{_ISSUE}/acknowledge", "issues.acknowledge", (ISSUE, "Seen")),
    Endpoint("POST", f"{_ISSUE}/vote", "issues.vote", (ISSUE,)),
    Endpoint("DELETE", f"{_ISSUE}/vote", "issues.unvote", (ISSUE,)),
    Endpoint("POST", f"{_ISSUE}/follow", "issues.follow", (ISSUE,)),
    Endpoint("DELETE", f"{_ISSUE}/follow", "issues.unfollow", (ISSUE,)),
    Endpoint("POST", f"{_ISSUE}/flag", "issues.flag", (ISSUE, "Rude")),
    Endpoint("POST", f"{_API}/comments/{{id}}/flag", "comments.flag", (ISSUE * 10, "Rude")),
    # The form
    Endpoint("GET", f"{_API}/issues/new", "report_form", named=_POINT),
    Endpoint("GET", f"{_API}/request_types/{{id}}", "request_types.get", (1001,)),
    Endpoint("GET", f"{_API}/request_types/other", "request_types.get", ("other",)),
    # Places and people
    Endpoint("GET", f"{_API}/places", "places.near", named=_POINT),
    Endpoint("GET", f"{_API}/places", "places.resolve", ("Example City",), _POINT),
    Endpoint("GET", f"{_API}/places/{{id}}", "places.get", (7001,)),
    Endpoint("GET", f"{_API}/profile", "users.me"),
    Endpoint("GET", f"{_API}/profile", "verify"),
    Endpoint("PUT", f"{_API}/profile", "users.update", named={"name": "A Name"}),
    Endpoint("GET", f"{_API}/users", "users.near", named=_POINT),
    Endpoint("GET", f"{_API}/users/{{id}}", "users.get", (41,)),
    Endpoint("POST", f"{_API}/users", "users.register", named=_ACCOUNT),
    Endpoint("GET", f"{_API}/emails", "emails.list"),
    Endpoint("POST", f"{_API}/emails", "emails.add", ("a@b.example",)),
    Endpoint("DELETE", f"{_API}/emails/{{id}}", "emails.remove", (5,)),
    # Questions to a city
    Endpoint("GET", f"{_API}/{{place}}/questions", "questions.list", ("example-city",)),
    Endpoint("POST", f"{_API}/{{place}}/questions", "questions.ask", ("example-city", "Why?")),
    Endpoint("GET", f"{_API}/questions/{{id}}", "questions.get", (5,)),
    Endpoint("GET", f"{_API}/questions/{{id}}/answers", "questions.answers", (5,)),
    Endpoint("POST", f"{_API}/questions/{{id}}/answers", "questions.answer", (5, "So.")),
    Endpoint("GET", f"{_API}/geocode/{{point}}", "geocode", ("41.05,-73.54",)),
    # Organizations
    Endpoint("GET", f"{_API}/organizations", "organizations.list"),
    Endpoint("GET", _MEMBERS, "organizations.get", (ORGANIZATION,)),
    Endpoint("GET", f"{_MEMBERS}/issues", "organization.list"),
    Endpoint("GET", f"{_MEMBERS}/issues/{{id}}", "organization.get", (ISSUE,)),
    Endpoint("GET", f"{_MEMBERS}/issues/{{id}}/comments", "organization.comments", (ISSUE,)),
    Endpoint(
        "POST",
        f"{_MEMBERS}/issues/{{id}}/service_requests/{{status}}",
        "organization.move",
        (Transition(url=_LINK),),
    ),
    Endpoint(
        "POST",
        f"{_MEMBERS}/issues/{{id}}/service_requests/{{status}}",
        "organization.follow",
        (_LINK,),
    ),
    # Open311
    Endpoint("GET", f"{_OPEN311}/discovery.json", "open311.discovery"),
    Endpoint("GET", f"{_OPEN311}/services.json", "open311.services", named=_POINT),
    Endpoint("GET", f"{_OPEN311}/services/{{code}}.json", "open311.service", ("1001",)),
    Endpoint("GET", f"{_OPEN311}/requests.json", "open311.requests"),
    Endpoint("POST", f"{_OPEN311}/requests.json", "open311.create", (1002,), _REPORT),
    Endpoint("GET", f"{_OPEN311}/requests/{{id}}.json", "open311.request", (str(ISSUE),)),
    # Photos
    Endpoint("GET", f"{_PHOTO}/{{key}}/{{name}}", "photos.read", (f"{URL}{_PHOTO}/a/b.jpg",)),
    # Whatever else there may be
    Endpoint("GET", f"{_API}/profile", "request", ("GET", "/profile")),
)
