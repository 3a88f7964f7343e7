"""The response of a typed call, with its status and headers."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress
from typing import Any

import attrs
import msgspec
import pytest

from seeclickfix_async import Page, Response
from seeclickfix_async.errors import NotFoundError, ValidationError
from seeclickfix_async.models._returned import Returned
from seeclickfix_async.sandbox import OFFICIAL_TOKEN, TOKEN
from seeclickfix_async.testing import SandboxHarness
from tests.support.endpoints import ENDPOINTS, ISSUE, Endpoint, draft, find_method

pytestmark = pytest.mark.anyio

# Lists without pages, the JSON of an unknown form, bytes, and an area: they have no response.
_WITHOUT_RESPONSE = {
    "emails.list",
    "geocode",
    "issues.comments",
    "issues.duplicates",
    "open311.services",
    "organization.comments",
    "organizations.list",
    "photos.read",
    "places.resolve",
    "questions.answers",
    "report_form",
}


async def test_every_call_that_returns_one_object_has_its_response() -> None:
    harness = SandboxHarness(quota=None)
    client = harness.make_client(OFFICIAL_TOKEN)
    without = set()

    async def call(endpoint: Endpoint) -> None:
        arguments = (await draft(client),) if endpoint.takes_draft else endpoint.arguments
        called = find_method(client, endpoint.call)(*arguments, **endpoint.options)
        if not hasattr(called, "__await__"):
            return  # a crawl or a feed
        result = await called
        response = result if isinstance(result, Response) else getattr(result, "response", None)
        if response is None:
            without.add(endpoint.call)
        else:
            assert isinstance(result, (Returned, Page, Response))
            assert response.status in (200, 201, 202, 204)
            assert "content-type" in response.headers or not response.content
            assert response.route.startswith(endpoint.method)

    for endpoint in ENDPOINTS:
        with suppress(NotFoundError, ValidationError):  # the object may not exist
            await call(endpoint)

    assert without <= _WITHOUT_RESPONSE


async def test_a_created_issue_and_a_moderated_one_have_their_response() -> None:
    published = SandboxHarness(quota=None).client
    created = await published.issues.create(await draft(published))
    moderated = SandboxHarness(moderated=True).client
    held = await moderated.issues.create(await draft(moderated))
    comment = await moderated.issues.comment(ISSUE, "Hello")

    assert created.response is not None
    assert (created.response.status, "location" in created.response.headers) == (201, True)
    for result in (held, comment):
        assert result.response is not None
        assert result.response.status == 202


async def test_the_response_is_no_part_of_the_object() -> None:
    client = SandboxHarness(quota=None).make_client(TOKEN)
    issue = await client.issues.get(ISSUE, details=True)
    page = await client.issues.list(details=True, per_page=1)
    bare = msgspec.convert(attrs.asdict(issue), type(issue))
    copies: list[Any] = [pickle.loads(pickle.dumps(issue)), copy.copy(issue), attrs.evolve(issue)]

    assert issue.response is not None
    assert issue.response.json()["id"] == ISSUE
    assert (issue, repr(issue)) == (bare, repr(bare))
    assert "response" not in msgspec.json.encode(issue).decode()
    assert [copied.response for copied in copies] == [None] * 3
    assert copies == [issue] * 3
    assert page.items[0].response is None
    assert page.response.status == 200
    with pytest.raises(AttributeError):
        issue.response = None  # type: ignore[misc]
