"""Reports of problems: form, draft, duplicates, report."""

from __future__ import annotations

import json
import math
import pickle
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import (
    AsyncClient,
    Created,
    Draft,
    Moderated,
    Question,
    QuestionType,
    RequestType,
    Response,
    Secret,
    Status,
    errors,
    models,
)
from seeclickfix_async._api.decoding import decode_object
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError
from seeclickfix_async.sandbox import TOKEN, Fault
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

_HERE: dict[str, Any] = {"lat": 41.05, "lng": -73.54, "address": "1 Main St"}
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)
_POTHOLE, _PARKING, _NOISE, _VEHICLE = 1001, 1010, 1011, 1012
_ANSWERS = {"summary": "Deep hole", "402": "wheel"}


@pytest.mark.anyio
async def test_the_form_lists_the_request_types_at_a_point() -> None:
    client = SandboxHarness(quota=None).client

    options = await client.report_form(lat=41.05, lng=-73.54)
    elsewhere = await client.report_form(lat=10, lng=10)

    assert len(options) == 15
    assert [option.key for option in elsewhere] == ["other"]
    assert elsewhere[0].organization is None
    assert elsewhere[0].to_dict()["id"] == "other"  # for front ends, though the service sent none
    for option in options:
        form = await client.request_types.get(option.to_dict()["id"])
        assert form.to_dict()["id"] == option.key
        assert (form.title, form.key) == (option.title, option.key)
        assert form.block_submission == option.block_submission


@pytest.mark.anyio
@pytest.mark.parametrize(
    "point", [{"lat": 91, "lng": 0}, {"lat": 0, "lng": "x"}, {"lat": 0, "lng": -181}]
)
async def test_an_invalid_point_is_refused(point: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        await SandboxHarness(quota=None).client.report_form(**point)


@pytest.mark.anyio
@pytest.mark.parametrize("number", [0, "others", "None", None, True])
async def test_an_invalid_request_type_is_refused(number: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r'id of a request type.* or "other"'):
        await SandboxHarness(quota=None).client.request_types.get(number)


@pytest.mark.anyio
async def test_a_missing_request_type_is_an_error() -> None:
    with pytest.raises(errors.NotFoundError, match="Request type 4 does not exist"):
        await SandboxHarness(quota=None).client.request_types.get(4)


def _form(*questions: Question, **rules: Any) -> RequestType:
    return RequestType(id=7, questions=questions, **rules)


def _question(kind: str, **fields: Any) -> Question:
    return Question(
        primary_key="q", question="How?\r\n", question_type=QuestionType(kind), **fields
    )


_CHOICES = (models.Choice("a", "Ah"), models.Choice("b", "Beh"))
_MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "value", "encoded"),
    [
        (_question("text"), "a word", "a word"),
        (_question("text", max_length=6), "a word", "a word"),
        (_question("textarea"), "a\r\nb", "a\r\nb"),
        (_question("select", select_values=_CHOICES), "b", "b"),
        (_question("multivaluelist", select_values=_CHOICES), ("b", "a"), ["b", "a"]),
        (_question("number"), 5, 5),
        (_question("number"), "5", 5),
        (_question("number"), "-5.5", -5.5),
        (_question("datetime"), _MOMENT, "2026-01-31T12:00:00+00:00"),
        (_question("datetime"), "2026-01-31T12:00:00-05:00", "2026-01-31T12:00:00-05:00"),
        (_question("datetime"), date(2026, 1, 31), "2026-01-31"),
        (_question("datetime"), "2026-01-31", "2026-01-31"),
        (_question("boolean"), False, False),
        (_question("boolean"), "false", False),
        (_question("hidden"), "as it is", "as it is"),
        (_question("sketch"), [1, "a"], [1, "a"]),
        (_question("sketch"), _MOMENT, "2026-01-31T12:00:00+00:00"),
        (_question("sketch"), 0, 0),
    ],
)
def test_each_question_type_encodes_its_values(
    question: Question, value: Any, encoded: Any
) -> None:
    draft = _form(question).draft(**_HERE, answers={"q": value})

    assert draft.answers == {"q": encoded}
    assert draft.body()["answers"] == {"q": encoded}


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        (_question("text"), 5, "must be a string"),
        (_question("text"), "\ud83d", "half of a surrogate pair"),
        (_question("sketch"), ["\ud83d"], "half of a surrogate pair"),
        (_question("text", max_length=5), "a word", "6 characters; at most 5"),
        (_question("select", select_values=_CHOICES), "Ah", "one of 'a', 'b'"),
        (_question("select"), "a", "one of"),
        (_question("multivaluelist", select_values=_CHOICES), "ab", "list of keys"),
        (_question("multivaluelist", select_values=_CHOICES), ["a", "c"], "one of 'a', 'b'"),
        (_question("number"), "five", "a number"),
        (_question("number"), True, "a number"),
        (_question("number"), float("nan"), "finite"),
        (_question("number"), "1e999", "finite"),
        (_question("datetime"), datetime(2026, 1, 31), "no time zone"),  # noqa: DTZ001
        (_question("datetime"), "yesterday", "ISO 8601"),
        (_question("datetime"), 5, "ISO 8601"),
        (_question("boolean"), "yes", "True or False"),
        (_question("note"), "read", "takes no value"),
        (_question("file"), "photo.png", "image="),
        (_question("sketch"), object(), "must be a string"),
        (_question("text", response_required=True), " ", "is required"),
        (_question("multivaluelist", response_required=True), [], "is required"),
        (_question("boolean", response_required=True), None, "is required"),
    ],
)
def test_the_error_of_an_invalid_value_begins_with_its_question(
    question: Question, value: Any, message: str
) -> None:
    with pytest.raises(InvalidDraftError, match=message) as caught:
        _form(question).draft(**_HERE, answers={"q": value})

    assert caught.value.errors["q"][0].startswith('"How?" ')


def test_an_invalid_draft_lists_all_faults() -> None:
    form = _form(
        Question("summary", "Title", QuestionType.TEXT, response_required=True),
        Question("9", "Size", QuestionType.NUMBER),
        block_submission=True,
        permit_anonymous_reporting=False,
    )

    with pytest.raises(InvalidDraftError) as caught:
        form.draft(
            lat=100,
            lng=0,
            address=" ",
            answers={"9": "x", "10": "y"},
            image=_PNG,
            anonymize_reporter=True,
        )

    assert set(caught.value.errors) == {
        "lat",
        "address",
        "summary",
        "9",
        "10",
        "image",
        "base",
        "anonymize_reporter",
    }
    assert isinstance(caught.value, ValueError)
    for field, faults in caught.value.errors.items():
        assert f"{field}: {faults[0]}" in str(caught.value)
    assert caught.value.errors["lat"] == ["must be a number from -90 to 90."]


def test_answers_must_be_a_mapping() -> None:
    with pytest.raises(InvalidDraftError, match="must be a mapping"):
        _form().draft(**_HERE, answers=["x"])  # type: ignore[arg-type]


def test_the_photo_of_a_draft_is_validated(tmp_path: Path) -> None:
    form = _form(Question("issue_image", "Photo", QuestionType.FILE, response_required=True))
    not_a_photo = tmp_path / "photo.png"
    not_a_photo.write_bytes(b"no photo at all")
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(101 * 2**20)

    for image, message in (
        (None, "needs a photo"),
        (not_a_photo, "not a png"),
        (tmp_path / "gone.png", "No such file"),
        (huge, "converted at most"),
    ):
        with pytest.raises(InvalidDraftError, match=message):
            form.draft(**_HERE, answers={}, image=image)
    assert form.draft(**_HERE, answers={}, image=_PNG).image_field == "issue_image"


def test_a_draft_hides_personal_data_and_can_be_pickled() -> None:
    form = _form(_question("text"), Question("issue_image", "Photo", QuestionType.FILE))
    draft = form.draft(**_HERE, answers={"q": "my secret garden"}, image=_PNG)

    assert "secret" not in repr(draft)
    assert "Main St" not in repr(draft)
    assert "PNG" not in repr(draft)
    assert pickle.loads(pickle.dumps(draft)) == draft


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from([*QuestionType, QuestionType("sketch")]), st.booleans(), _VALUES)
def test_any_value_is_encoded_as_json_or_refused(
    kind: QuestionType, required: bool, value: Any
) -> None:
    question = _question(kind, response_required=required, select_values=_CHOICES)
    try:
        draft = _form(question).draft(**_HERE, answers={"q": value})
    except InvalidDraftError:
        return
    json.dumps(draft.body(), allow_nan=False)


async def _draft_pothole(client: AsyncClient, **changes: Any) -> Draft:
    form = await client.request_types.get(_POTHOLE)
    return form.draft(**{**_HERE, "answers": _ANSWERS, **changes})


@pytest.mark.anyio
@pytest.mark.parametrize("image", [None, _PNG])
async def test_a_report_becomes_an_issue(image: bytes | None) -> None:
    harness = SandboxHarness(quota=None)
    client = harness.client
    answers = {
        **_ANSWERS,
        "description": "It has\r\nwater in it",
        "403": ["cars", "bikes"],
        "404": 5.5,
        "405": _MOMENT,
        "406": True,
        "407": "a sketch",
    }

    created = await client.issues.create(await _draft_pothole(client, answers=answers, image=image))
    assert isinstance(created, Created)
    issue = await client.issues.get(created.issue.id, details=True)
    own = await client.issues.mine().collect()
    newest = await client.issues.list()

    assert created.url == issue.html_url
    assert (issue.summary, issue.description) == ("Deep hole", "It has\r\nwater in it")
    assert (issue.lat, issue.lng, issue.address) == (41.05, -73.54, "1 Main St")
    assert issue.status == Status.OPEN
    assert issue.request_type is not None
    assert issue.request_type.id == _POTHOLE
    shown = {one.question: (one.answer or "").lower() for one in issue.questions or ()}
    assert shown["Who is in danger:"] == "cars, bikes"
    assert shown["Did it damage a car?"] == "true"
    assert shown["How deep is it in inches?"] == "5.5"
    assert [one.id for one in own] == [issue.id] == [newest.items[0].id]
    assert issue.current_user_relationship is not None
    assert issue.current_user_relationship.reporter
    assert issue.media is not None
    assert (issue.media.image_full is not None) is (image is not None)
    assert list(harness.photos.values()) == ([image] if image else [])


@pytest.mark.anyio
async def test_a_report_can_be_anonymous_and_of_no_request_type() -> None:
    client = SandboxHarness(quota=None).client
    form = await client.request_types.get("other")

    created = await client.issues.create(
        form.draft(**_HERE, answers={"summary": "Hello"}, anonymize_reporter=True)
    )

    assert isinstance(created, Created)
    assert created.issue.request_type is None
    assert created.issue.reporter is not None
    assert created.issue.reporter.id == 0


@pytest.mark.anyio
async def test_a_moderated_report_has_no_issue() -> None:
    client = SandboxHarness(quota=None, moderated=True).client

    assert await client.issues.create(await _draft_pothole(client)) == Moderated()

    assert await client.issues.mine().collect() == []


@pytest.mark.anyio
async def test_the_service_refuses_a_point_outside_the_city() -> None:
    client = SandboxHarness(quota=None).client
    draft = await _draft_pothole(client, lat=10)

    with pytest.raises(errors.ValidationError) as caught:
        await client.issues.create(draft)

    assert caught.value.errors["point"][0].startswith("Point Issue is not within")


@pytest.mark.anyio
async def test_a_draft_follows_the_rules_of_its_request_type() -> None:
    client = SandboxHarness(quota=None).client
    parking, noise = [await client.request_types.get(n) for n in (_PARKING, _NOISE)]

    with pytest.raises(InvalidDraftError, match="not accept reports"):
        parking.draft(**_HERE, answers={"summary": "x"})
    with pytest.raises(InvalidDraftError, match="not accept anonymous reports"):
        noise.draft(**_HERE, answers={"summary": "x"}, anonymize_reporter=True)


@pytest.mark.anyio
async def test_a_report_without_a_required_token_is_refused_before_sending() -> None:
    harness = SandboxHarness(quota=None)
    form = await harness.client.request_types.get(_VEHICLE)
    draft = form.draft(**_HERE, answers={"summary": "No plates"})

    async with AsyncClient(base_url="http://127.0.0.1:9") as anonymous:
        with pytest.raises(InvalidArgumentError, match="signed-in"):
            await anonymous.issues.create(draft)
    with pytest.raises(InvalidArgumentError):
        await harness.client.issues.create({"summary": "x"})  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(401), errors.AuthenticationError),
        (Fault(403, {"message": "Not yours."}), errors.PermissionDeniedError),
        (Fault(404), errors.NotFoundError),
        (Fault(422, {"errors": {"142": ["can't be blank"]}}), errors.ValidationError),
        (Fault(201, {"errors": {"base": ["no"]}}), errors.ValidationError),
    ],
)
async def test_a_refused_report_is_an_error(fault: Fault, error: type[Exception]) -> None:
    harness = SandboxHarness(quota=None)
    draft = await _draft_pothole(harness.client)
    harness.faults.append(fault)

    with pytest.raises(error):
        await harness.client.issues.create(draft)

    assert harness.statuses("POST") == [fault.status]


@pytest.mark.anyio
async def test_a_report_is_repeated_after_429() -> None:
    harness = SandboxHarness(quota=None)
    draft = await _draft_pothole(harness.client, image=_PNG)
    harness.faults.append(Fault(429, None, {"Retry-After": "0.001"}))

    await harness.client.issues.create(draft)

    assert harness.statuses("POST") == [429, 201]
    assert len(await harness.client.issues.mine()) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("image", [None, _PNG])
async def test_a_report_without_a_response_can_be_found_and_is_not_sent_again(
    image: bytes | None,
) -> None:
    harness = SandboxHarness(quota=None)
    draft = await _draft_pothole(harness.client, image=image)
    harness.faults.append(Fault.reset(), times=math.inf)
    with pytest.raises(errors.IssueMayExistError, match="may exist") as caught:
        await harness.client.issues.create(draft)
    harness.faults.clear()

    found = await harness.client.issues.find_lost(caught.value)

    assert harness.statuses("POST") == [201]
    assert found.items[0].summary == "Deep hole"
    assert "Main St" not in str(caught.value)
    unpickled = pickle.loads(pickle.dumps(caught.value))
    assert unpickled.filters == caught.value.filters


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fault",
    [
        Fault(502),
        Fault(500),
        Fault(201, {"id": "none"}),
        Fault(303, None, {"Location": "/issues/7"}),
    ],
)
async def test_after_an_unusable_response_the_issue_may_exist(fault: Fault) -> None:
    harness = SandboxHarness(quota=None)
    draft = await _draft_pothole(harness.client)
    harness.faults.append(fault)

    with pytest.raises(errors.IssueMayExistError):
        await harness.client.issues.create(draft)


class _FailingSource:
    """A token source that cannot renew its token."""

    async def current(self) -> Secret:
        raise errors.AnswerLostError("made up", route="POST /oauth/token")

    async def replaced(self, refused: Secret) -> bool:
        return False


@pytest.mark.anyio
async def test_no_issue_exists_if_the_token_could_not_be_renewed() -> None:
    harness = SandboxHarness(quota=None)
    view = harness.client.with_options(token=_FailingSource())
    draft = await _draft_pothole(harness.client)

    for report in (
        view.issues.create(draft),
        view.open311(311).create(1002, lat=41.05, lng=-73.54, description="A lamp"),
    ):
        with pytest.raises(errors.AnswerLostError) as caught:
            await report
        assert not isinstance(caught.value, errors.IssueMayExistError)
    assert harness.statuses("POST") == []


@pytest.mark.anyio
async def test_possible_duplicates_are_listed() -> None:
    client = SandboxHarness(quota=None).client
    draft = await _draft_pothole(client)
    created = await client.issues.create(draft)
    assert isinstance(created, Created)
    options = {o.key: o for o in await client.report_form(lat=41.05, lng=-73.54)}

    by_draft = await client.issues.duplicates(draft)
    by_option = await client.issues.duplicates(options[_POTHOLE])

    assert by_draft[0].id == by_option[0].id == created.issue.id
    assert by_draft[0].comments == ()
    with pytest.raises(InvalidArgumentError, match="a link to duplicates"):
        await client.issues.duplicates(options["other"])


@pytest.mark.anyio
async def test_a_form_with_a_photo_has_field_names_for_rails() -> None:
    sent: list[httpx.Request] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        await request.aread()
        sent.append(request)
        return httpx.Response(201, json={"id": 7})

    harness = SandboxHarness(quota=None)
    draft = await _draft_pothole(harness.client, image=_PNG, answers={**_ANSWERS, "403": ["cars"]})
    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(TOKEN, http=http, base_url=IN_PROCESS_URL, limiter=None)
    await client.issues.create(draft)

    names = [part.split(b'"')[1] for part in sent[0].content.split(b"form-data; name=")[1:]]
    assert names == [
        b"lat", b"lng", b"address", b"request_type_id",
        b"answers[summary]", b"answers[402]", b"answers[403][]", b"answers[issue_image]",
    ]  # fmt: skip


def test_an_unknown_question_type_is_decoded() -> None:
    body = {"questions": [{"primary_key": 7, "question_type": "Sketch", "select_values": {}}]}
    response = Response(200, {}, json.dumps(body).encode())

    question = (decode_object(response, RequestType).questions or ())[0]

    assert question == Question("7", question_type=QuestionType("sketch"))
    assert question.words == "7"
