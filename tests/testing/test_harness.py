"""The harness: its time, its residents, and the assertions on what was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seeclickfix_async import AsyncClient, Created, TokenEndpoint, errors, oauth
from seeclickfix_async.sandbox import CLIENT, OFFICIAL_TOKEN, TOKEN
from seeclickfix_async.testing import (
    IN_PROCESS_URL,
    START,
    SandboxHarness,
    commented_exactly_once,
    kept_the_quota,
    reported_exactly_once,
    wrote_nothing,
)

pytestmark = pytest.mark.anyio


async def _report(client: AsyncClient, summary: str) -> int:
    request_type = await client.request_types.get("other")
    draft = request_type.draft(
        lat=41.05, lng=-73.54, address="1 Elm St", answers={"summary": summary}
    )
    created = await client.issues.create(draft)
    assert isinstance(created, Created)
    return created.issue.id


async def test_what_is_written_has_the_time_of_the_clock(
    scf_sandbox: SandboxHarness, scf_client: AsyncClient
) -> None:
    christmas = datetime(2026, 12, 24, 17, tzinfo=UTC)
    scf_sandbox.clock.advance(christmas - START)
    number = await _report(scf_client, "No lights")
    scf_sandbox.clock.advance(timedelta(days=1))
    await scf_client.issues.comment(number, "Still none.")
    official = scf_sandbox.make_client(OFFICIAL_TOKEN)
    await official.issues.close(number, "Done.")

    issue = await scf_client.issues.get(number)
    page = await scf_client.issues.list(status="all", after=christmas)
    assert issue.created_at == christmas
    assert issue.updated_at == issue.closed_at == christmas + timedelta(days=1)
    assert [comment.created_at for comment in await scf_client.issues.comments(number)] == [
        christmas + timedelta(days=1)
    ] * 2
    assert page.response.date == christmas + timedelta(days=1)
    assert [issue.id for issue in page] == [number]


async def test_a_socket_sends_one_date_that_of_the_clock(scf_sandbox: SandboxHarness) -> None:
    async with AsyncClient(base_url=scf_sandbox.url, clock=scf_sandbox.clock) as client:
        response = await client.request("GET", "/places?lat=41.05&lng=-73.54")

    assert response.headers["date"] == "Thu, 01 Oct 2026 04:00:00 GMT"


async def test_residents_are_different_people(scf_sandbox: SandboxHarness) -> None:
    ana = scf_sandbox.make_client(scf_sandbox.sign_in("Ana"))
    ben = scf_sandbox.make_client(scf_sandbox.sign_in("Ben"))
    again = scf_sandbox.make_client(scf_sandbox.sign_in("Ana"))
    await _report(ana, "Hole")

    mine = [len(await client.issues.mine()) for client in (ana, ben, again)]
    assert [(await client.verify()).name for client in (ana, ben, again)] == ["Ana", "Ben", "Ana"]
    assert mine == [1, 0, 1]


async def test_a_token_ends_after_two_hours(scf_sandbox: SandboxHarness) -> None:
    client = scf_sandbox.make_client(scf_sandbox.sign_in("Ana"))
    scf_sandbox.clock.advance(timedelta(hours=2, seconds=-1))
    await client.verify()
    scf_sandbox.clock.advance(1)
    with pytest.raises(errors.AuthenticationError):
        await client.verify()


async def test_assertions_say_what_was_written(
    scf_sandbox: SandboxHarness, scf_client: AsyncClient
) -> None:
    await scf_client.issues.list()
    wrote_nothing(scf_sandbox)
    with pytest.raises(AssertionError, match=r"Expected one report, found 0.*none"):
        reported_exactly_once(scf_sandbox)

    number = await _report(scf_client, "Hole")
    await scf_client.issues.comment(number, "Deep.")

    assert reported_exactly_once(scf_sandbox, summary="Hole", address="1 Elm St")["id"] == number
    assert commented_exactly_once(scf_sandbox, "Deep.")["comment"] == "Deep."
    with pytest.raises(AssertionError, match="'summary': 'Hole'"):
        reported_exactly_once(scf_sandbox, summary="Hole in the road")
    with pytest.raises(AssertionError, match=r"POST /api/v2/issues \(201\)"):
        wrote_nothing(scf_sandbox)
    await scf_client.issues.comment(number, "Deep.")
    with pytest.raises(AssertionError, match="found 2"):
        commented_exactly_once(scf_sandbox, "Deep.")


async def test_a_quota_that_is_not_kept_is_noticed(scf_sandbox: SandboxHarness) -> None:
    for _ in range(2):  # two programs, each with a limiter of its own
        client = scf_sandbox.make_client()
        for _ in range(12):
            await client.issues.list()

    with pytest.raises(AssertionError, match="more than 20 in 60 seconds"):
        kept_the_quota(scf_sandbox)


async def test_comments_of_clients_with_other_urls_are_in_order(
    scf_sandbox: SandboxHarness,
) -> None:
    number = scf_sandbox.issue_with_status("open")
    words = ["One.", "Two.", "Three."]
    for word, host in zip(words, ("b", "c", "a"), strict=True):
        client = scf_sandbox.make_client(TOKEN, base_url=f"https://{host}.test")
        await client.issues.comment(number, word)

    assert [comment["comment"] for comment in scf_sandbox.comments] == words


def test_a_status_that_does_not_occur_is_reported() -> None:
    with SandboxHarness(0) as sandbox, pytest.raises(LookupError, match="no open issue"):
        sandbox.issue_with_status("open")


def test_the_authorization_page_redirects_or_refuses(scf_sandbox: SandboxHarness) -> None:
    url = oauth.begin(oauth.Application(CLIENT, "https://app.example/back")).url
    for wrong in (url.replace(CLIENT, "other"), url.replace("=https", "=http")):
        with pytest.raises(errors.InvalidArgumentError, match="error page"):
            scf_sandbox.authorize(wrong)
    with pytest.raises(errors.InvalidArgumentError, match="address of an authorization page"):
        scf_sandbox.authorize("https://app.example/login")
    assert "error=access_denied" in scf_sandbox.authorize(url, deny=True)


async def test_a_resident_signs_in_within_the_process(scf_sandbox: SandboxHarness) -> None:
    now = scf_sandbox.clock.utc_now
    app = oauth.Application(CLIENT, "https://app.example/callback", base_url=IN_PROCESS_URL)
    flow = oauth.begin(app, now=now)
    code = oauth.finish(flow, scf_sandbox.authorize(flow.url, "Ben"), now=now)
    assert isinstance(code, oauth.AuthorizationCode)
    async with TokenEndpoint(app, http=scf_sandbox.make_http(), now=now) as endpoint:
        token = await endpoint.exchange(code)

    assert (await scf_sandbox.make_client(token.access_token).verify()).name == "Ben"
