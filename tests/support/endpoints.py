"""All endpoints, documented or observed, and the methods of the client that call them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
import attrs

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import IssueMayExistError, NotFoundError, ValidationError
from seeclickfix_async.events._on_event import OnEvent
from seeclickfix_async.models import Transition
from seeclickfix_async.sandbox import OFFICIAL_TOKEN
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

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


async def draft(client: AsyncClient) -> Any:
    """Return a report that the sandbox accepts."""
    form = await client.request_types.get("other")
    return form.draft(**_POINT, address="here", answers={"summary": "Hello"})


@attrs.frozen
class Endpoint:
    """An endpoint and a method that calls it.

    Attributes:
        method: The HTTP method.
        path: The template of its path.
        call: The name of the method, from the client on.
        arguments: Positional arguments.
        options: Keyword arguments.
        takes_draft: Whether the only argument is a draft of a report.
        is_endless: Whether it waits for something to happen.
    """

    method: str
    path: str
    call: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = attrs.field(factory=dict)
    takes_draft: bool = False
    is_endless: bool = False

    async def call_once(self, on_event: OnEvent | None = None) -> SandboxHarness:
        """Call the method at a new sandbox; return the sandbox, with the requests it received."""
        harness = SandboxHarness(quota=None)
        client = harness.make_client(OFFICIAL_TOKEN, on_event=on_event)
        arguments = (await draft(client),) if self.takes_draft else self.arguments
        harness.requests.clear()
        called = find_method(client, self.call)(*arguments, **self.options)
        timeout = anyio.move_on_after(0.5 if self.is_endless else None)
        # The object may not exist, or its state may not allow the action: the route was called.
        with suppress(NotFoundError, ValidationError), timeout:
            await (called if hasattr(called, "__await__") else anext(aiter(called)))
        return harness


def find_method(client: AsyncClient, name: str) -> Any:
    """Return a method of the client by its dotted name; an organization is the sandbox's."""
    resource, _, method = name.rpartition(".")
    if not resource:
        return getattr(client, method)
    target = getattr(client, resource)
    return getattr(target(ORGANIZATION) if callable(target) else target, method)


_API = "/api/v2"
_ISSUE = f"{_API}/issues/{{id}}"
_ORGANIZATION_PATH = f"{_API}/organizations/{{id}}"
_OPEN311 = "/open311/v2/{id}"
_LINK = (
    f"{IN_PROCESS_URL}{_API}/organizations/{ORGANIZATION}/issues/{ISSUE}/service_requests/closed"
)
_PHOTO = "/rails/active_storage/representations/redirect"

ENDPOINTS = (
    # Issues
    Endpoint("GET", f"{_API}/issues", "issues.list"),
    Endpoint("GET", f"{_API}/issues", "issues.crawl"),
    Endpoint("GET", f"{_API}/issues", "issues.watch", is_endless=True),
    Endpoint("GET", f"{_API}/issues", "issues.duplicates", takes_draft=True),
    Endpoint("GET", f"{_API}/issues", "issues.find_lost", (IssueMayExistError({}),)),
    Endpoint("POST", f"{_API}/issues", "issues.create", takes_draft=True),
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
    # Request types
    Endpoint("GET", f"{_API}/issues/new", "report_form", options=_POINT),
    Endpoint("GET", f"{_API}/request_types/{{id}}", "request_types.get", (1001,)),
    Endpoint("GET", f"{_API}/request_types/other", "request_types.get", ("other",)),
    # Places and people
    Endpoint("GET", f"{_API}/places", "places.near", options=_POINT),
    Endpoint("GET", f"{_API}/places", "places.resolve", ("Example City",), _POINT),
    Endpoint("GET", f"{_API}/places/{{id}}", "places.get", (7001,)),
    Endpoint("GET", f"{_API}/profile", "users.me"),
    Endpoint("GET", f"{_API}/profile", "verify"),
    Endpoint("GET", f"{_API}/profile/notices", "users.notices"),
    Endpoint("GET", "/api/v3/bulletin_boards", "bulletin_boards.near", options=_POINT),
    Endpoint("PUT", f"{_API}/profile", "users.update", options={"name": "A Name"}),
    Endpoint("GET", f"{_API}/users", "users.near", options=_POINT),
    Endpoint("GET", f"{_API}/users/{{id}}", "users.get", (41,)),
    Endpoint("POST", f"{_API}/users", "users.register", options=_ACCOUNT),
    Endpoint("GET", f"{_API}/emails", "emails.list"),
    Endpoint("POST", f"{_API}/emails", "emails.add", ("a@b.example",)),
    Endpoint("DELETE", f"{_API}/emails/{{id}}", "emails.remove", (5,)),
    # Questions and geocoding
    Endpoint("GET", f"{_API}/{{place}}/questions", "questions.list", ("example-city",)),
    Endpoint("POST", f"{_API}/{{place}}/questions", "questions.ask", ("example-city", "Why?")),
    Endpoint("GET", f"{_API}/questions/{{id}}", "questions.get", (5,)),
    Endpoint("GET", f"{_API}/questions/{{id}}/answers", "questions.answers", (5,)),
    Endpoint("POST", f"{_API}/questions/{{id}}/answers", "questions.answer", (5, "So.")),
    Endpoint("GET", f"{_API}/geocode/{{point}}", "geocode", ("41.05,-73.54",)),
    # Organizations
    Endpoint("GET", f"{_API}/organizations", "organizations.list"),
    Endpoint("GET", _ORGANIZATION_PATH, "organizations.get", (ORGANIZATION,)),
    Endpoint("GET", f"{_ORGANIZATION_PATH}/issues", "organization.list"),
    Endpoint("GET", f"{_ORGANIZATION_PATH}/issues/{{id}}", "organization.get", (ISSUE,)),
    Endpoint(
        "GET", f"{_ORGANIZATION_PATH}/issues/{{id}}/comments", "organization.comments", (ISSUE,)
    ),
    Endpoint(
        "POST",
        f"{_ORGANIZATION_PATH}/issues/{{id}}/service_requests/{{status}}",
        "organization.move",
        (Transition(url=_LINK),),
    ),
    Endpoint(
        "POST",
        f"{_ORGANIZATION_PATH}/issues/{{id}}/service_requests/{{status}}",
        "organization.follow",
        (_LINK,),
    ),
    # Open311
    Endpoint("GET", f"{_OPEN311}/discovery.json", "open311.discovery"),
    Endpoint("GET", f"{_OPEN311}/services.json", "open311.services", options=_POINT),
    Endpoint("GET", f"{_OPEN311}/services/{{code}}.json", "open311.service", ("1001",)),
    Endpoint("GET", f"{_OPEN311}/requests.json", "open311.requests"),
    Endpoint("POST", f"{_OPEN311}/requests.json", "open311.create", (1002,), _REPORT),
    Endpoint("GET", f"{_OPEN311}/requests/{{id}}.json", "open311.request", (str(ISSUE),)),
    # Photos
    Endpoint(
        "GET", f"{_PHOTO}/{{key}}/{{name}}", "photos.read", (f"{IN_PROCESS_URL}{_PHOTO}/a/b.jpg",)
    ),
    # Any other path
    Endpoint("GET", f"{_API}/profile", "request", ("GET", "/profile")),
)
