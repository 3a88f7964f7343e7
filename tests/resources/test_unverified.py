"""Endpoints whose real responses nobody recorded, in every form that they may have."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import (
    AuthenticationError,
    DecodeError,
    InvalidArgumentError,
    ValidationError,
)
from seeclickfix_async.sandbox import TOKEN
from seeclickfix_async.testing import SandboxHarness

pytestmark = pytest.mark.anyio


def _client(body: Any, sent: list[str]) -> AsyncClient:
    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.raw_path.decode())
        return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    return AsyncClient(http=http, base_url="https://city.test", limiter=None)


async def test_the_sandbox_has_notices_and_bulletin_boards() -> None:
    client = SandboxHarness(quota=None).make_client(TOKEN)

    notices = await client.users.notices()
    boards = await client.bulletin_boards.near(lat=41.05, lng=-73.54)

    assert [notice.id for notice in notices] == [1, 2, 3]
    assert [notice.id async for notice in client.users.notices()] == [1, 2, 3]
    assert notices.items[0].fields["message"] == "Notice 1"
    assert "Notice 1" not in repr(notices.items[0])
    assert boards.items[0].fields["attributes"] == {"title": "Example City"}
    assert boards.response.status == 200
    with pytest.raises(AuthenticationError):
        await SandboxHarness(quota=None).make_client(None).users.notices()


@pytest.mark.parametrize(
    "body",
    [
        {"notices": [{"id": 7, "new": True}, "text"], "metadata": {"pagination": None}},
        {"data": [{"id": 7, "new": True}, None], "links": {}},
        [{"id": 7, "new": True}, 3],
    ],
)
async def test_a_list_is_found_in_each_likely_form(body: Any) -> None:
    page = await _client(body, []).users.notices()

    assert [(notice.id, notice.fields["new"]) for notice in page] == [(7, True)]
    assert page.raw == ({"id": 7, "new": True},)
    assert [row.index for row in page.rejected] == [1]
    assert page.response.json() == body


@pytest.mark.parametrize("body", [{}, {"notices": {}}, "text", {"data": None}])
async def test_a_response_without_a_list_is_refused(body: Any) -> None:
    with pytest.raises(DecodeError, match="no list"):
        await _client(body, []).users.notices()


async def test_listed_errors_are_raised() -> None:
    with pytest.raises(ValidationError, match="too far"):
        await _client({"errors": {"point": ["too far"]}}, []).bulletin_boards.near(lat=1, lng=2)


async def test_a_point_is_a_filter_of_version_3() -> None:
    sent: list[str] = []
    client = _client([], sent)
    await client.bulletin_boards.near(lat=41.05, lng=-73.54)

    assert sent == ["/api/v3/bulletin_boards?filter%5Bpoint%5D=41.05,-73.54"]
    with pytest.raises(InvalidArgumentError, match="lat"):
        await client.bulletin_boards.near(lat=91, lng=0)
