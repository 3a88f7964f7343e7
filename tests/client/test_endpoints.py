"""Every known endpoint has a method of the client and a route of the sandbox, and the other way."""

from __future__ import annotations

import inspect
import re

import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.sandbox import Sandbox
from tests.support.endpoints import ENDPOINTS, Endpoint, find_method

# Of the client itself, what calls no endpoint; and what needs a file to write to.
_NO_ENDPOINT = {"aclose", "from_env", "open311", "organization", "with_options", "photos.save"}
_ROOMS = (
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
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.call}")
async def test_an_endpoint_has_a_method_and_a_route(endpoint: Endpoint) -> None:
    harness = await endpoint.call_once()

    # What no route takes never gets to the door, so that it is not among these.
    seen = [(one.method, one.path) for one in harness.sandbox.requests]
    assert any(
        method == endpoint.method and _matches(endpoint.path, path) for method, path in seen
    ), seen


def test_every_method_of_the_client_has_its_endpoint() -> None:
    client = AsyncClient()
    known = {endpoint.call for endpoint in ENDPOINTS} | _NO_ENDPOINT
    public = {name for name, _ in inspect.getmembers(AsyncClient, callable) if name[0] != "_"}
    for room in _ROOMS:
        holder = find_method(client, f"{room}.__class__")
        public |= {f"{room}.{n}" for n, _ in inspect.getmembers(holder, callable) if n[0] != "_"}

    assert set(_ROOMS) - {"open311", "organization"} <= set(vars(client))
    assert public == known


def test_every_route_of_the_sandbox_has_its_endpoint() -> None:
    known = {(one.method, _nameless(one.path)) for one in ENDPOINTS}
    routes = {
        (method, _nameless(route.path))
        for route in Sandbox(1).app.routes
        for method in route.methods - {"HEAD"}
        if not route.path.startswith(("/oauth/", "/storage/"))
    }

    assert routes == known - {("GET", "/api/v2/request_types/other")}


def _nameless(template: str) -> str:
    """A template without the names of its parameters; Open311 is the same for everybody."""
    scoped = re.sub(r"^/open311/v2/(?!\{)", "/open311/v2/{}/", template)
    return re.sub(r"\{[^}]*\}", "{}", scoped)
