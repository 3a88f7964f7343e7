"""Endpoints, methods of the client and routes of the sandbox correspond to each other."""

from __future__ import annotations

import inspect
import re

import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.events import Event, RequestSent
from seeclickfix_async.sandbox import Sandbox
from tests.support.endpoints import ENDPOINTS, Endpoint, find_method

# Methods of the client that call no endpoint, and one that writes to a file.
_NO_ENDPOINT = {"aclose", "from_env", "open311", "organization", "with_options", "photos.save"}
_RESOURCES = (
    "bulletin_boards",
    "comments",
    "emails",
    "issues",
    "open311",
    "organization",
    "organizations",
    "photos",
    "places",
    "questions",
    "request_types",
    "users",
)


def _matches(template: str, path: str) -> bool:
    parts = re.split(r"\{[^}]*\}", template)
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.call}"
)
async def test_an_endpoint_has_a_method_a_route_and_events(endpoint: Endpoint) -> None:
    events: list[Event] = []
    harness = await endpoint.call_once(events.append)

    # Requests that match no route are not among these.
    received = [(request.method, request.path) for request in harness.requests]
    assert any(
        method == endpoint.method and _matches(endpoint.path, path) for method, path in received
    ), received
    sent = [event for event in events if isinstance(event, RequestSent)]
    assert len(sent) >= len(received)
    assert endpoint.method in {event.method for event in sent}
    # A route has no id, slug, coordinates or name of a file.
    assert [event.route for event in sent if re.search(r"\d{2}|example|\.jpg|,", event.route)] == []


def test_every_method_of_the_client_has_an_endpoint() -> None:
    client = AsyncClient()
    known = {endpoint.call for endpoint in ENDPOINTS} | _NO_ENDPOINT
    public = {name for name, _ in inspect.getmembers(AsyncClient, callable) if name[0] != "_"}
    for resource in _RESOURCES:
        cls = find_method(client, f"{resource}.__class__")
        names = [name for name, _ in inspect.getmembers(cls, callable)]
        public |= {f"{resource}.{name}" for name in names if name[0] != "_"}

    assert set(_RESOURCES) - {"open311", "organization"} <= set(vars(client))
    assert public == known


def test_every_route_of_the_sandbox_has_an_endpoint() -> None:
    known = {(endpoint.method, _without_names(endpoint.path)) for endpoint in ENDPOINTS}
    routes = {
        (method, _without_names(route.path))
        for route in Sandbox(1).app.routes
        for method in route.methods - {"HEAD"}
        if not route.path.startswith(("/oauth/", "/storage/"))
    }

    assert routes == known - {("GET", "/api/v2/request_types/other")}


def _without_names(template: str) -> str:
    """Remove the names of parameters; Open311 has the same routes with and without organization."""
    scoped = re.sub(r"^/open311/v2/(?!\{)", "/open311/v2/{}/", template)
    return re.sub(r"\{[^}]*\}", "{}", scoped)
