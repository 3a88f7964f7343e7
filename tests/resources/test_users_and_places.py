"""Accounts, e-mail addresses, places, and questions to a city."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from seeclickfix_async import PlaceArea, Secret, errors
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.sandbox import Fault
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

pytestmark = pytest.mark.anyio

_NEW: dict[str, Any] = {
    "name": "Mary Example",
    "email": "mary@b.example",
    "password": Secret("long enough"),
    "accept_terms": True,
}
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)

Call = Callable[[Any], Any]


async def test_an_account_is_registered() -> None:
    harness = SandboxHarness(quota=None)

    registered = await harness.make_client(None).users.register(**_NEW, image=_PNG)
    found = await harness.client.users.get(registered.id)
    nearby = await harness.client.users.near(lat=41.05, lng=-73.54, per_page=2).collect()

    assert found == registered
    assert registered.name == "Mary Example"
    assert registered.id in {user.id for user in nearby}


async def test_an_account_is_updated() -> None:
    client = SandboxHarness(quota=None).client

    updated = await client.users.update(name="Another Name", password="new pass")

    assert updated.name == "Another Name"
    assert await client.users.me() == updated


async def test_a_refused_account_has_the_reasons_by_field() -> None:
    client = SandboxHarness(quota=None).client

    with pytest.raises(errors.ValidationError) as caught:
        await client.users.register(**{**_NEW, "email": "nowhere"})

    assert caught.value.errors == {"email": ["Is invalid."]}
    assert "long enough" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda users: users.register(**{**_NEW, "name": "ab"}), "name"),
        (lambda users: users.register(**{**_NEW, "name": None}), "name"),
        (lambda users: users.register(**{**_NEW, "password": "x" * 41}), "password"),
        (lambda users: users.register(**{**_NEW, "accept_terms": False}), "accept_terms"),
        (lambda users: users.register(**{**_NEW, "email": ""}), "email"),
        (lambda users: users.update(), "name"),
        (lambda users: users.update(place_url_name=" "), "place_url_name"),
        (lambda users: users.get(0), "id"),
    ],
)
async def test_an_invalid_account_is_refused(call: Call, argument: str) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError) as caught:
        await call(harness.client.users)

    assert caught.value.argument == argument
    assert not harness.requests


async def test_addresses_are_added_and_removed() -> None:
    client = SandboxHarness(quota=None).client

    added = await client.emails.add("second@b.example")
    listed = await client.emails.list()
    await client.emails.remove(added.id)

    assert listed == (added,)
    assert added.email == "second@b.example"
    assert "second" not in repr(added)
    assert await client.emails.list() == ()
    with pytest.raises(errors.NotFoundError):
        await client.emails.remove(added.id)
    with pytest.raises(errors.ValidationError, match="invalid"):
        await client.emails.add("nowhere")


async def test_a_place_is_resolved_by_its_name() -> None:
    client = SandboxHarness(quota=None).client
    point = {"lat": 41.05, "lng": -73.54}

    for name in ("Example City", "example city, ex", " EXAMPLE-CITY "):
        assert await client.places.resolve(name, **point) == PlaceArea("example-city")
    with pytest.raises(InvalidArgumentError, match=r"Example City \(example-city\)"):
        await client.places.resolve("Springfield", **point)
    with pytest.raises(InvalidArgumentError, match="lat"):
        client.places.near(lat=None, lng=1)  # type: ignore[arg-type]


async def test_places_with_the_same_name_are_listed_in_the_error() -> None:
    harness = SandboxHarness(quota=None)
    rows = [{"id": n, "name": "Newport", "url_name": f"newport_{n}"} for n in (2, 3)]
    harness.faults.append(Fault(200, {"places": rows}))

    with pytest.raises(InvalidArgumentError, match=r"several .*newport_2.*newport_3"):
        await harness.client.places.resolve("Newport", lat=1, lng=1)


async def test_questions_and_answers() -> None:
    client = SandboxHarness(quota=None).client

    question = await client.questions.ask("example-city", "When is the market?")
    answer = await client.questions.answer(question.id, "On Saturday.")
    unanswered = await client.questions.ask("example-city", "Why?")

    assert await client.questions.get(question.id) == question
    assert await client.questions.answers(question.id) == (answer,)
    assert answer.question_id == question.id
    assert await client.questions.list("example-city").collect() == [question, unanswered]
    rest = client.questions.list("example-city", subset="unanswered")
    assert await rest.collect() == [unanswered]
    assert await client.questions.list("example-city", search="market").collect() == [question]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda client: client.questions.list("nowhere"), errors.NotFoundError),
        (lambda client: client.questions.ask("nowhere", "Where?"), errors.NotFoundError),
        (lambda client: client.questions.get(1), errors.NotFoundError),
        (lambda client: client.questions.answers(1), errors.NotFoundError),
        (lambda client: client.questions.answer(1, "Yes."), errors.NotFoundError),
        (lambda client: client.users.get(1), errors.NotFoundError),
    ],
)
async def test_missing_objects_are_an_error(call: Call, error: type[Exception]) -> None:
    with pytest.raises(error):
        await call(SandboxHarness(quota=None).client)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.users.update(name="A Name"),
        lambda client: client.emails.list(),
        lambda client: client.emails.add("a@b.example"),
        lambda client: client.emails.remove(1),
        lambda client: client.questions.ask("example-city", "Why?"),
    ],
)
async def test_a_token_is_required(call: Call) -> None:
    with pytest.raises(errors.AuthenticationError):
        await call(SandboxHarness(quota=None).make_client(None))


_WRITES: dict[str, Call] = {
    "register": lambda client: client.users.register(**_NEW),
    "update": lambda client: client.users.update(name="A Name"),
    "add an address": lambda client: client.emails.add("a@b.example"),
    "ask": lambda client: client.questions.ask("example-city", "Why?"),
    "answer": lambda client: client.questions.answer(501, "So."),
    "remove an address": lambda client: client.emails.remove(801),
}
_every_write = pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES)


async def _make_harness() -> SandboxHarness:
    """Return a harness with an address and a question, for writes that need one."""
    harness = SandboxHarness(quota=None)
    await harness.client.emails.add("first@b.example")
    await harness.client.questions.ask("example-city", "When?")
    harness.requests.clear()
    return harness


@_every_write
async def test_a_write_without_a_response_is_not_sent_again(write: Call) -> None:
    harness = await _make_harness()
    harness.faults.append(Fault.reset(), times=math.inf)

    with pytest.raises(errors.AnswerLostError):
        await write(harness.client)

    assert len(harness.requests) == 1


@_every_write
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(401), errors.AuthenticationError),
        (Fault(403, {"message": "Not yours."}), errors.PermissionDeniedError),
        (Fault(404), errors.NotFoundError),
        (Fault(422, {"errors": {"base": ["not today"]}}), errors.ValidationError),
        (Fault(201, {"errors": {"base": ["not today"]}}), errors.ValidationError),
        (Fault(502), errors.ServerError),
    ],
)
async def test_a_refused_write_is_not_sent_again(
    write: Call, fault: Fault, error: type[Exception]
) -> None:
    harness = await _make_harness()
    harness.faults.append(fault)

    with pytest.raises(error):
        await write(harness.client)

    assert [request.status for request in harness.requests] == [fault.status]


@_every_write
async def test_a_write_is_repeated_after_429(write: Call) -> None:
    harness = await _make_harness()
    harness.faults.append(Fault(429, None, {"Retry-After": "0.001"}))

    await write(harness.client)

    assert len(harness.requests) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda questions: questions.list(" "),
        lambda questions: questions.list("x", subset="all"),
        lambda questions: questions.list("x", search=""),
        lambda questions: questions.ask("x", ""),
        lambda questions: questions.answer(1, None),
    ],
)
async def test_invalid_questions_are_refused(call: Call) -> None:
    with pytest.raises(InvalidArgumentError):
        await call(SandboxHarness(quota=None).client.questions)


async def test_an_argument_cannot_change_the_endpoint() -> None:
    harness, urls = SandboxHarness(quota=None), []

    async def note(request: httpx.Request) -> None:
        urls.append(str(request.url))

    http = harness.make_http()
    http.event_hooks = {"request": [note]}
    client = harness.make_client(http=http)
    with pytest.raises(errors.NotFoundError):
        await client.questions.list("../issues?x=")

    with pytest.raises(InvalidArgumentError):
        await client.questions.list("..")

    assert urls == [f"{IN_PROCESS_URL}/api/v2/..%2Fissues%3Fx%3D/questions"]


async def test_a_point_is_geocoded() -> None:
    document = await SandboxHarness(quota=None).client.geocode("1 Main St, Example")

    assert document["address"] == "1 Main St, Example"
