"""Cassettes: replayed without the service, and without secrets or personal data on disk."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import AsyncClient, WatchArea
from seeclickfix_async.models import Draft
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import CLIENT, TOKEN
from seeclickfix_async.testing import (
    IN_PROCESS_URL,
    Cassette,
    SandboxHarness,
    UnrecordedRequestError,
)
from seeclickfix_async.tokens import TokenEndpoint

pytestmark = pytest.mark.anyio

_DRAFT = Draft(
    request_type_id="other",
    lat=41.05,
    lng=-73.54,
    address="1 Elm St",
    answers={"summary": "Hole", "description": "Ask ben@mail.example"},
    image=b"\x89PNG\r\n\x1a\n" + b"face" * 50,
)


def _client(http: Any, token: str | None = TOKEN) -> AsyncClient:
    return AsyncClient(token, base_url=IN_PROCESS_URL, http=http, limiter=None)


async def _visit(http: Any, token: Token) -> list[Any]:
    """Read, write, log in and follow pages; return what is not personal."""
    client = _client(http, token.access_token.reveal())
    seen: list[Any] = [[issue.id for issue in await client.issues.list(per_page=5)]]
    area = WatchArea("watch-secret")
    seen.append(len(await client.issues.list(area=area, per_page=2, status="all").collect(6)))
    created: Any = await client.issues.create(_DRAFT)
    seen.append(created.issue.id)
    seen.append([comment.comment for comment in await client.issues.comments(created.issue.id)])
    seen.append((await client.verify()).id)
    app = Application(CLIENT, "http://127.0.0.1:9/callback", base_url=IN_PROCESS_URL)
    async with TokenEndpoint(app, http=http, limiter=None) as endpoint:
        seen.append((await endpoint.refresh(token)).scope)
    return seen


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_a_recording_is_replayed_without_secrets(
    scf_sandbox: SandboxHarness, tmp_path: Path, library: str
) -> None:
    path = tmp_path / "cassettes" / "visit.json"
    token = scf_sandbox.sign_in("Ana Secretive")
    assert token.refresh_token is not None
    secrets = (token.access_token.reveal(), token.refresh_token.reveal())
    with Cassette(path, record=True) as cassette:
        http = cassette.make_http(library, via=scf_sandbox.make_http(library))
        recorded = await _visit(http, token)
    sent = len(scf_sandbox.requests)

    replayed = await _visit(Cassette(path).make_http(library), scf_sandbox.sign_in("Ben"))
    text = path.read_text("utf-8")
    assert replayed == recorded
    assert len(scf_sandbox.requests) == sent
    personal = ("Secretive", "ben@mail.example", "watch-", "face", "no-avatar-100")
    for secret in (*secrets, *scf_sandbox.tokens, *personal):
        assert secret not in text


async def test_an_unknown_request_says_how_to_record_it(
    scf_sandbox: SandboxHarness, tmp_path: Path
) -> None:
    path = tmp_path / "one.json"
    message = "which does not exist. Record it: run this test with pytest --scf-record, or use"
    with pytest.raises(UnrecordedRequestError, match=message):
        await _client(Cassette(path).make_http()).issues.get(7)
    with Cassette(path, record=True) as cassette:
        await _client(cassette.make_http(via=scf_sandbox.make_http())).issues.list()

    client = _client(Cassette(path).make_http())
    area = WatchArea("watcher-secret")
    for _ in range(3):  # the last response is repeated
        assert len(await client.issues.list()) == 20
    with pytest.raises(UnrecordedRequestError, match="which has 1 response") as caught:
        await client.issues.list(area=area)
    assert "watcher-secret" not in str(caught.value)


async def test_repeated_requests_get_their_responses_in_order(
    scf_sandbox: SandboxHarness, tmp_path: Path
) -> None:
    number = scf_sandbox.issue_with_status("open")

    async def statuses(http: Any) -> list[str]:
        client = _client(http)
        before = await client.issues.get(number)
        await client.issues.close(number, "Done.")
        return [str(issue.status) for issue in (before, await client.issues.get(number))]

    with Cassette(tmp_path / "a.json", record=True) as cassette:
        recorded = await statuses(cassette.make_http(via=scf_sandbox.make_http()))

    assert await statuses(Cassette(tmp_path / "a.json").make_http()) == recorded
    assert recorded == ["open", "closed"]


_WORDS = st.text("abcdefghijkl", min_size=8, max_size=12).map(str.title)


@settings(max_examples=25)
@given(st.data())
def test_nothing_confidential_is_on_disk(data: st.DataObject) -> None:
    """Wherever the service and the client put it, and in texts that repeat it."""
    confidential = {
        kind: f"{data.draw(_WORDS)}{kind}"
        for kind in ("Token", "State", "Watcher", "Cookie", "Name", "Password", "Refresh")
    }
    confidential["Name"] += data.draw(st.sampled_from(["", " Müller", " O'Neil-Ortiz (DPW)"]))
    confidential["Avatar"] = f"https://a.example/{data.draw(_WORDS)}.png"
    confidential["Email"] = f"{data.draw(_WORDS)}.x@{data.draw(_WORDS).lower()}.example"
    phone = st.sampled_from(["(203) {} 1234", "203-{}-1234", "+1 203.{}.1234", "+120355{}1234"])
    confidential["Phone"] = data.draw(phone).format(data.draw(st.integers(200, 999)))
    confidential["Signature"] = f"{data.draw(_WORDS)}Signature"
    values = list(confidential.values())
    said = data.draw(st.lists(st.sampled_from(values), max_size=3))
    answer = f"{data.draw(_WORDS)}Gate"
    values.append(answer)
    person = {
        "id": 7,
        "name": confidential["Name"],
        "role": "Registered User",
        "email": confidential["Email"],
        "avatar": {"full": confidential["Avatar"]},
    }
    link = f"{IN_PROCESS_URL}/api/v2/issues?watcher_token={confidential['Watcher']}&page=2"
    signature = data.draw(st.sampled_from(["X-Amz-Signature", "Signature", "sig"]))
    photo = f"https://storage.example/1.jpg?Expires=60&{signature}={confidential['Signature']}"
    body = {
        "issues": [{"id": 1, "reporter": person, "description": " and ".join(said)}],
        "questions": [
            {
                "question": "How do we get in?",
                "answer": data.draw(st.sampled_from([answer, [answer]])),
            }
        ],
        "media": {"image_full": photo},
        "metadata": {"next_page_url": link},
        "access_token": confidential["Token"],
        "refresh_token": confidential["Refresh"],
        "state": confidential["State"],
        data.draw(st.sampled_from(["users", "closed_by", "anything"])): [person],
    }
    shape = data.draw(st.sampled_from(["json", "text", "location"]))

    def serve(_request: httpx.Request) -> httpx.Response:
        headers = {"Set-Cookie": f"session={confidential['Cookie']}; Path=/"}
        if shape == "json":
            return httpx.Response(200, json=body, headers=headers)
        if shape == "text":
            return httpx.Response(500, text=f"<a href='{link}'>{confidential['Email']}</a>")
        location = (
            f"https://app.example/#state={confidential['State']}&access_token="
            + (confidential["Token"])
        )
        if data.draw(st.booleans()):
            location = photo
        return httpx.Response(302, headers={**headers, "Location": location})

    secret = {"password": confidential["Password"]}
    forms: list[dict[str, Any]] = [{"json": {**secret, "user": person}}, {"data": secret}]
    form = data.draw(st.sampled_from(forms))

    async def send(cassette: Cassette) -> None:
        via = httpx.AsyncClient(transport=httpx.MockTransport(serve))
        async with cassette.make_http(via=via) as http:
            await http.post(
                f"{IN_PROCESS_URL}/oauth/token?state={confidential['State']}",
                headers={
                    "Authorization": f"Bearer {confidential['Token']}",
                    "Cookie": f"session={confidential['Cookie']}",
                },
                **form,
            )

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.json")
        with Cassette(path, record=True) as cassette:
            anyio.run(send, cassette)
        text = path.read_text("utf-8")

    assert [value for value in values if value.lower() in text.lower()] == []
    assert json.loads(text)["interactions"]


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text('{"version": 0}', "utf-8")
    with pytest.raises(ValueError, match="Record it again"):
        Cassette(path)


def test_the_fixture_replays_and_records_beside_the_test(
    request: pytest.FixtureRequest,
) -> None:
    cassette: Cassette = request.getfixturevalue("scf_cassette")

    assert cassette.path == Path(__file__).parent / "cassettes" / "test_cassette" / (
        "test_the_fixture_replays_and_records_beside_the_test.json"
    )
    assert not cassette.record


async def test_numbers_that_are_no_phone_numbers_stay(tmp_path: Path) -> None:
    text = "2026-01-31T10:00:00-05:00 41.308-72.927 #20355512 203-555 /2035551234 1767225600"

    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": 2035551234, "summary": text})

    path = tmp_path / "numbers.json"
    with Cassette(path, record=True) as cassette:
        via = httpx.AsyncClient(transport=httpx.MockTransport(serve))
        await _client(cassette.make_http(via=via)).issues.get(7)
    issue = await _client(Cassette(path).make_http()).issues.get(7)

    assert (issue.id, issue.summary) == (2035551234, text)


async def test_a_name_in_a_request_is_known_again_after_other_names(
    scf_sandbox: SandboxHarness, tmp_path: Path
) -> None:
    path = tmp_path / "names.json"

    async def rename(http: Any) -> Any:
        client = _client(http)
        await client.issues.list(per_page=5)  # with the names of reporters
        fields = {"email": "zoe@mail.example", "full_name": "Zoe Secretive"}
        response = await http.post(f"{IN_PROCESS_URL}/api/v2/profile", json=fields)
        return response.status_code

    with Cassette(path, record=True) as cassette:
        recorded = await rename(cassette.make_http(via=scf_sandbox.make_http()))

    assert await rename(Cassette(path).make_http()) == recorded
    assert "Zoe" not in path.read_text("utf-8")
