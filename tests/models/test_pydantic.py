"""Models as types of pydantic, FastAPI and Litestar, which do not have to be installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeVar

import attrs
import pytest
from fastapi import Body, FastAPI
from litestar import Litestar, get, post
from litestar.params import JSONBody
from litestar.testing import TestClient as LitestarClient
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.testclient import TestClient

from seeclickfix_async import Area, BoundingBox, Draft, Page, Status, WatchArea, near
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import (
    Comment,
    Created,
    DetailedIssue,
    Issue,
    Moderated,
    PlaceQuestion,
    User,
    UserRef,
)
from tests.support.model_values import DECODED, RESULTS, recorded, recorded_page

_DETAILED = DetailedIssue.from_dict(recorded("issue_show_details"))
_ISSUE = Issue.from_dict(recorded("issue_show"))
_PAGE: Page[Issue] = recorded_page()
_AREAS = [BoundingBox, WatchArea, type(near(41.0, -73.5, 500))]


@pytest.mark.parametrize("model", [*DECODED, *RESULTS, *_AREAS, Draft], ids=lambda m: m.__name__)
def test_a_schema_has_every_field(model: Any) -> None:
    names = [field.name for field in attrs.fields(model)]
    required = [field.name for field in attrs.fields(model) if field.default is attrs.NOTHING]
    read = TypeAdapter(model).json_schema(mode="validation")
    written = TypeAdapter(model).json_schema(mode="serialization")

    assert list(read["properties"]) == names
    assert read.get("required", []) == required
    assert list(written["properties"]) == [n for n in names if n != "watcher_token"]
    assert written.get("required", []) == list(written["properties"])
    assert read["title"] == model.__name__
    assert read["description"]


def test_a_schema_says_what_a_field_is() -> None:
    schema = TypeAdapter(DetailedIssue).json_schema()
    fields = schema["properties"]

    assert fields["id"]["type"] == "integer"
    assert fields["created_at"]["anyOf"] == [
        {"type": "string", "format": "date-time"},
        {"type": "null"},
    ]
    assert fields["comments"]["anyOf"][0]["items"] == {"$ref": "#/$defs/Comment"}
    assert "enum" not in schema["$defs"]["Status"]  # the service may add some
    assert schema["$defs"]["Status"]["examples"] == [status.value for status in Status]
    created = TypeAdapter(Created).json_schema()["properties"]["url"]
    assert created["description"] == "Its web page (documented)."


@pytest.mark.parametrize("value", [_ISSUE, _DETAILED, _DETAILED.comments[0]])  # type: ignore[index]
def test_a_type_adapter_reads_and_writes_like_the_models_themselves(value: Any) -> None:
    adapter = TypeAdapter(type(value))

    assert adapter.validate_python(value) is value
    assert adapter.validate_python(value.to_dict()) == value
    assert adapter.validate_json(value.to_json()) == value
    assert json.loads(adapter.dump_json(value)) == value.to_dict()
    assert adapter.dump_python(value, mode="json") == value.to_dict()
    assert adapter.dump_python(value)["created_at"] == value.created_at
    assert adapter.validate_python(adapter.dump_python(value)) == value


@pytest.mark.parametrize("model", [*DECODED, *RESULTS], ids=lambda model: model.__name__)
def test_only_objects_of_a_model_are_instances_of_it(model: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(list[model]).validate_python([5])

    assert caught.value.errors()[0]["loc"] == (0,)


@pytest.mark.parametrize(
    ("kind", "value", "location"),
    [
        (Issue, {}, ("id",)),
        (list[Issue], [{"id": 1}, {"id": 1, "lat": []}], (1, "lat")),
        (DetailedIssue, {"id": 1, "comments": [{"media": 5}]}, ("comments", 0, "media")),
        (DetailedIssue, Issue(id=1), ()),
        (Page[Issue], {"items": [{"id": {}}], "page": 1}, ("items", 0, "id")),
        (Page[User], _PAGE, ("items", 0)),
        (Page[Issue], 5, ()),
        (BoundingBox, {"min_lat": 1, "min_lng": 1, "max_lat": 0, "max_lng": 2}, ("min_lat",)),
    ],
)
def test_an_error_of_pydantic_has_its_location(kind: Any, value: Any, location: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)

    assert caught.value.errors()[0]["loc"] == location


class _Case(BaseModel):
    issue: Issue
    notes: list[Comment] = []
    area: Area | None = None
    asker: PlaceQuestion | None = None


def test_models_are_fields_of_a_pydantic_model() -> None:
    case = _Case(
        issue=_DETAILED,
        area=WatchArea("token-of-an-area"),
        asker=PlaceQuestion(id=1, asker=UserRef(id=2)),
    )
    written = case.model_dump_json()

    assert set(json.loads(written)["issue"]) == {field.name for field in attrs.fields(Issue)}
    assert json.loads(written)["area"] == {}
    assert "token-of-an-area" not in f"{written}{case.model_dump()}{case}"
    again = _Case.model_validate_json(written.replace('"area":{}', '"area":null'))
    assert again.issue.to_dict() == json.loads(written)["issue"]
    assert again.asker == case.asker
    assert case.model_copy(deep=True) == case


def test_options_of_a_dump_are_kept() -> None:
    adapter = TypeAdapter(Issue)
    issue = Issue(id=1, status=Status("on_hold"))

    assert adapter.dump_json(issue, exclude_none=True) == b'{"id":1,"status":"on_hold"}'
    assert adapter.dump_python(_ISSUE, include={"id": True}) == {"id": _ISSUE.id}


_T = TypeVar("_T", bound=Issue)


class _Envelope(BaseModel, Generic[_T]):
    page: Page[_T]


def test_the_rows_of_a_page_may_be_of_several_models_or_of_a_type_variable() -> None:
    both = TypeAdapter(Page[DetailedIssue | Issue])
    page = attrs.evolve(_PAGE, items=(_ISSUE, _DETAILED))

    assert both.validate_python(page) is page
    assert both.dump_python(page, mode="json") == page.to_dict()
    assert _Envelope[Issue].model_validate({"page": _PAGE.to_dict()}).page == _PAGE
    with pytest.raises(ValidationError, match=r"page\.items\.0\.id"):
        _Envelope[Issue].model_validate({"page": {"items": [{}], "page": 1}})


def test_a_page_is_read_and_written() -> None:
    adapter = TypeAdapter(Page[Issue])

    assert adapter.validate_python(_PAGE) is _PAGE
    assert adapter.validate_json(adapter.dump_json(_PAGE)) == _PAGE
    assert adapter.dump_python(_PAGE, mode="json") == _PAGE.to_dict()
    with pytest.raises(InvalidArgumentError, match=r"Page\[Issue\]"):
        TypeAdapter(Page)


_app = FastAPI()


@_app.get("/issue")
async def _get_issue() -> Issue:
    return _DETAILED


@_app.get("/issues")
async def _get_issues() -> list[Issue]:
    return [_ISSUE, _DETAILED]


@_app.get("/detailed")
async def _get_detailed() -> DetailedIssue | None:
    return _DETAILED


@_app.get("/page", response_model_exclude_none=True)
async def _get_page() -> Page[Issue]:
    return _PAGE


@_app.post("/outcome")
async def _post_outcome(issue: Annotated[Issue, Body()], status: Status) -> Created | Moderated:
    return Created(attrs.evolve(issue, status=status)) if issue.is_open else Moderated()


@pytest.fixture(scope="module")
def web() -> Iterator[TestClient]:
    with TestClient(_app) as client:
        yield client


def test_fastapi_returns_models(web: TestClient) -> None:
    names = {field.name for field in attrs.fields(Issue)}
    page = web.get("/page").json()

    assert web.get("/issue").json().keys() == names
    assert [row["id"] for row in web.get("/issues").json()] == [_ISSUE.id, _DETAILED.id]
    assert web.get("/detailed").json() == _DETAILED.to_dict()
    assert Page.from_dict(page, Issue) == _PAGE
    assert page["items"][0].keys() < names


def test_fastapi_takes_models_and_reports_where_they_are_invalid(web: TestClient) -> None:
    accepted = web.post("/outcome?status=Closed", json={"id": 1, "status": "Open"}).json()
    moderated = web.post("/outcome?status=new", json={"id": 1, "status": "closed"}).json()
    refused = web.post("/outcome?status=open", json={"id": 1, "media": {"image_full": []}})

    assert accepted["issue"]["status"] == "closed"
    assert (accepted["outcome"], moderated) == ("created", {"outcome": "moderated"})
    either = TypeAdapter[Any](Moderated | Created)
    assert either.validate_python(accepted) == Created.from_dict(accepted)
    assert either.validate_python(moderated) == Moderated.from_dict({}) == Moderated()
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "media", "image_full"]


def test_fastapi_documents_models(web: TestClient) -> None:
    schemas = web.get("/openapi.json").json()["components"]["schemas"]

    assert list(schemas["DetailedIssue"]["properties"]) == list(_DETAILED.to_dict())
    assert list(schemas["Page_Issue_"]["properties"]) == list(_PAGE.to_dict())
    assert schemas["Issue-Input"]["required"] == ["id"]
    assert schemas["Created"]["properties"]["outcome"]["const"] == "created"
    assert schemas["Moderated"]["properties"]["outcome"]["const"] == "moderated"
    assert schemas["Issue-Output"]["required"] == [field.name for field in attrs.fields(Issue)]


@get("/issue", sync_to_thread=False)
def _litestar_issue() -> DetailedIssue:
    return _DETAILED


@post("/issues", sync_to_thread=False)
def _litestar_issues(data: JSONBody[Issue]) -> list[Issue]:
    return [data]


def test_litestar_returns_takes_and_documents_models() -> None:
    # Its own logging would be that of the whole process, also for later tests.
    app = Litestar([_litestar_issue, _litestar_issues], logging_config=None)
    with LitestarClient(app) as client:
        returned = client.get("/issue").json()
        taken = client.post("/issues", json=_ISSUE.to_dict()).json()
        schemas = client.get("/schema/openapi.json").json()["components"]["schemas"]

    assert returned == _DETAILED.to_dict()
    assert taken == [_ISSUE.to_dict()]
    assert any(
        "comments_count" in schema["properties"]
        for name, schema in schemas.items()
        if name.endswith("DetailedIssue")
    )


def test_pydantic_is_imported_by_its_own_users_only() -> None:
    program = (
        "import sys, seeclickfix_async as s\n"
        "page = s.Page.from_json(sys.stdin.read(), s.Issue)\n"
        "assert page.items[0].to_json() and page._repr_html_()\n"
        "for name in s.__all__: getattr(s, name)\n"
        "print({'pydantic', 'pydantic_core', 'pyarrow', 'pandas', 'polars'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, input=_PAGE.to_json(), capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "set()"
