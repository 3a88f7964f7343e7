"""The API for members of an organization, whose private data is not logged."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from seeclickfix_async import Response, Status, errors, models
from seeclickfix_async._api.decoding import decode_object
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.sandbox import OFFICIAL_TOKEN, Fault
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

_ID = 311

Call = Callable[[Any], Any]


@pytest.mark.anyio
async def test_members_receive_private_data() -> None:
    harness = SandboxHarness(quota=None)
    member = harness.make_client(OFFICIAL_TOKEN).organization(_ID)

    issues = await member.list(status="all").collect()
    page = await member.list(service_request_status=["open"], per_page=5)
    issue = await member.get(page.items[0].id)
    comments = await member.comments(issue.id)

    assert len(issues) == 300
    assert issue.priority == models.Priority(2, "Medium")
    assert issue.reporter is not None
    assert issue.reporter.phone == "555-0100"
    assert issue.comments == comments
    assert page.response.json()["metadata"]["query"]["service_request_status"] == "open"
    assert {row.active_service_request and row.active_service_request.status for row in page} == {
        "open"
    }


@pytest.mark.anyio
async def test_private_data_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    member = SandboxHarness(quota=None).make_client(OFFICIAL_TOKEN).organization(_ID)

    with caplog.at_level(logging.DEBUG):
        page = await member.list()
        issue = await member.get(page.items[0].id)

    for output in (repr(page), repr(issue), repr(issue.reporter), caplog.text):
        for private in (
            "555-0100",
            "Mary",
            "mary@",
            issue.address or "?",
            issue.description or "?",
        ):
            assert private not in output


@pytest.mark.anyio
async def test_a_service_request_is_moved_by_the_links_of_the_service() -> None:
    harness = SandboxHarness(quota=None)
    member = harness.make_client(OFFICIAL_TOKEN).organization(_ID)
    number = harness.issue_with_status(Status.OPEN)
    request = (await member.get(number)).active_service_request
    assert request is not None
    accepted, closed = request.transitions or ()
    crm = models.Transition(url=(closed.url or "").replace("city.test", "crm.city.test"))

    await member.move(accepted, comment="We come on Monday.")
    moved = (await member.get(number)).active_service_request
    await member.move(crm)
    finished = (await member.get(number)).active_service_request

    assert moved is not None
    assert moved.status is models.ServiceRequestStatus.ACCEPTED
    assert finished is not None
    assert finished.status == "closed"
    assert all(request.url.startswith(IN_PROCESS_URL) for request in harness.requests)
    with pytest.raises(errors.ValidationError):
        await member.move(accepted)


@pytest.mark.anyio
async def test_members_list_their_organizations() -> None:
    harness = SandboxHarness(quota=None)
    member = harness.make_client(OFFICIAL_TOKEN)

    listed = await member.organizations.list()

    assert [organization.name for organization in listed] == ["City of Example"]
    assert await member.organizations.get(_ID) == listed[0]
    assert await harness.client.organizations.list() == ()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.organizations.get(_ID),
        lambda client: client.organization(_ID).list(),
        lambda client: client.organization(_ID).get(20_000_000),
        lambda client: client.organization(_ID).comments(20_000_000),
    ],
)
async def test_other_accounts_have_no_access(call: Call) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(errors.NotFoundError):
        await call(harness.client)
    with pytest.raises(errors.AuthenticationError):
        await call(harness.make_client(None))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.organization(0),
        lambda client: client.organization(_ID).list(service_request_status="open"),
        lambda client: client.organization(_ID).list(service_request_status=["done"]),
        lambda client: client.organization(_ID).list(colour="red"),
        lambda client: client.organization(_ID).move(models.Transition()),
        lambda client: client.organization(_ID).move("closed"),
        lambda client: client.organization(_ID).follow("https://evil.example/x"),
        lambda client: client.organization(_ID).follow("https://city.test/api/v2/issues/7/close"),
        lambda client: client.organization(_ID).follow(
            "https://city.test/api/v2/organizations/../issues"
        ),
    ],
)
async def test_invalid_arguments_are_refused(call: Call) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError):
        await call(harness.make_client(OFFICIAL_TOKEN))

    assert not harness.requests


@pytest.mark.anyio
@pytest.mark.parametrize(
    "link",
    [
        "https://[x/api/v2/organizations/1",
        "https://\u2100/api/v2/organizations/1",
        "http:///api/v2/organizations/1",
        "//evil.example/api/v2/organizations/1",
        "//[x/api/v2/organizations/1",
        "/api/v2/organizations/../issues",
        "/api/v2/organizations/%2e%2e/issues",
        "/api/v2/organizations/%2E%2e/issues",
        "/api/v2/organizations/.%2e/issues",
        "/api/v2/organizations/%252e%252e/issues",
        "/api/v2/organizations/%25252e%25252e/issues",
        "/api/v2/organizations/%2525252525252e./issues",
        "/api/v2/organizations/..\\issues",
        "/api/v2/organizations\\..\\issues",
        "/api/v2/organizations/x%5c..%5cissues",
        "/api/v2/organizations/x%2f..%2f..%2fissues",
        "/api/v2/organizations/..;/issues",
        "/api/v2/organizations/%2e%2e;a=b/issues",
        "/api/v2/organizations/..%00/issues",
        "/api/v2/organizations/%20../issues",
        "https://city.test/api/v2/organizations/%2e%2e/issues",
        "/api/v2/organizations/1/\u2028x",
        "/api/v2/organizations/1/\ud800",
        b"/api/v2/organizations/1",
        None,
        5,
    ],
    ids=ascii,
)
async def test_a_link_that_leaves_the_organization_is_refused(link: Any) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError):
        await harness.make_client(OFFICIAL_TOKEN).organization(_ID).follow(link)

    assert not harness.requests


@pytest.mark.anyio
async def test_a_move_without_a_response_is_not_sent_again() -> None:
    harness = SandboxHarness(quota=None)
    member = harness.make_client(OFFICIAL_TOKEN).organization(_ID)
    issue = await member.get(harness.issue_with_status(Status.OPEN))
    assert issue.active_service_request is not None
    harness.faults.append(Fault.reset(), times=math.inf)

    with pytest.raises(errors.AnswerLostError):
        await member.move((issue.active_service_request.transitions or ())[0])

    assert harness.statuses("POST") == [201]


@pytest.mark.anyio
async def test_a_success_that_lists_errors_is_an_error() -> None:
    harness = SandboxHarness(quota=None)
    member = harness.make_client(OFFICIAL_TOKEN).organization(_ID)
    link = "/api/v2/organizations/311/issues/7/service_requests/closed"
    harness.faults.append(Fault(200, {"errors": {"assignee": ["is unknown"]}}))

    with pytest.raises(errors.ValidationError) as caught:
        await member.follow(link, assignee_id=5)

    assert caught.value.errors == {"assignee": ["is unknown"]}


def test_observed_fields_are_decoded() -> None:
    body = {
        "id": "7",
        "assignee": {},
        "agent": None,
        "priority": {"code": "2", "label": "Medium"},
        "internal_comments": [
            {
                "id": 5,
                "body": "null",
                "entity_metadata": [{"type": "mention", "indices": [0, 4], "user_id": 9}],
                "commenter": {"id": 9, "name": None, "full_name": "Ann"},
            }
        ],
        "active_service_request": {"status": "On_Ice", "transitions": None},
        "duplicate_issues": [{"id": 8}],
        "assignment_url": "null",
    }

    issue = decode_object(Response(200, {}, json.dumps(body).encode()), models.OrganizationIssue)

    assert (issue.id, issue.assignee, issue.assignment_url) == (7, None, None)
    assert issue.priority == models.Priority(2, "Medium")
    assert issue.internal_comments is not None
    assert issue.internal_comments[0].body == "null"
    assert issue.internal_comments[0].entity_metadata == (models.Mention("mention", (0, 4), 9),)
    assert issue.active_service_request is not None
    assert issue.active_service_request.status == "on_ice"
    assert issue.active_service_request.transitions is None
    assert "Ann" not in repr(issue)
    assert {issue}
