"""Open311 GeoReport v2: public data, and reports without an account."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import Response, errors, models
from seeclickfix_async._api.decoding import decode_first, decode_rows
from seeclickfix_async.errors import DecodeError, InvalidArgumentError
from seeclickfix_async.sandbox import Fault
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

_REPORT: dict[str, Any] = {"lat": 41.05, "lng": -73.54, "description": "A deep hole"}
_ATTRIBUTES: dict[str, Any] = {"attributes": {"402": "wheel", "403": ["cars", "bikes"]}}
_ORGANIZATION = 311

Call = Callable[[Any], Any]


@pytest.mark.anyio
@pytest.mark.parametrize("organization", [None, _ORGANIZATION])
async def test_discovery_and_services(organization: int | None) -> None:
    open311 = SandboxHarness(quota=None).client.open311(organization)

    discovery = await open311.discovery()
    services = await open311.services(lat=41.05, lng=-73.54)
    if organization:
        assert await open311.services() == services
    pothole = await open311.service(services[0].service_code or "")

    assert discovery.endpoints is not None
    assert discovery.endpoints[0].url == f"{IN_PROCESS_URL}/open311/v2"
    assert [service.metadata for service in services] == [True] + [False] * 13
    assert pothole.attributes is not None
    assert [attribute.code for attribute in pothole.attributes if attribute.required] == ["402"]
    assert pothole.attributes[0].variable is False


@pytest.mark.anyio
async def test_all_requests_are_returned_once() -> None:
    harness = SandboxHarness(quota=None)

    rows = await harness.client.open311().requests().collect()
    page = await harness.client.open311().requests(per_page=5)

    assert len({row.id for row in rows}) == len(rows) == 300
    assert {row.status for row in rows} == {"open", "closed"}
    assert (len(page), page.entries, page.next_page) == (5, None, 2)
    assert page.raw[0]["service_request_id"] == page.items[0].id


@pytest.mark.anyio
async def test_requests_by_service_status_and_period() -> None:
    open311 = SandboxHarness(quota=None).client.open311()
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)

    rows = await open311.requests(
        status="closed", service_codes=[1001, "1002"], start_date=start, end_date=end
    ).collect()

    assert rows
    for row in rows:
        assert (row.status, row.service_code in ("1001", "1002")) == ("closed", True)
        assert row.requested_datetime is not None
        assert start <= row.requested_datetime < end


@pytest.mark.anyio
async def test_a_request_is_created_without_an_account() -> None:
    harness = SandboxHarness(quota=None)
    anonymous = harness.make_client(None)
    open311 = anonymous.open311(_ORGANIZATION)

    created = await open311.create(
        1001, **_REPORT, **_ATTRIBUTES, email="a@b.example", address="here"
    )
    request = await open311.request(created.service_request_id or "")
    issue = await anonymous.issues.get(int(created.service_request_id or 0))

    assert request.description == issue.description == "A deep hole"
    assert (request.address, request.lat, request.long) == ("here", 41.05, -73.54)
    assert harness.statuses("POST") == [201]


@pytest.mark.anyio
async def test_a_request_without_a_response_can_be_found() -> None:
    harness = SandboxHarness(quota=None)
    harness.faults.append(Fault.reset(), times=math.inf)
    with pytest.raises(errors.IssueMayExistError) as caught:
        await harness.client.open311(_ORGANIZATION).create("1001", **_REPORT, **_ATTRIBUTES)
    harness.faults.clear()

    found = await harness.client.issues.find_lost(caught.value)

    assert harness.statuses("POST") == [201]
    assert found.items[0].description == "A deep hole"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda client: client.open311(7).services(lat=1, lng=1),
            errors.NotFoundError,
            "Invalid Jurisdiction ID",
        ),
        (lambda client: client.open311().service("5"), errors.NotFoundError, "service_code"),
        (lambda client: client.open311().request(5), errors.NotFoundError, "was not found"),
        (
            lambda client: client.open311(311).create(1001, **_REPORT),
            errors.BadRequestError,
            "attribute 402 was not provided",
        ),
    ],
)
async def test_a_refusal_has_the_reason_of_the_service(
    call: Call, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await call(SandboxHarness(quota=None).client)


_INVALID_CODES = {
    "superscript": "²",
    "fullwidth": "\uff11\uff12",
    "spaces": " 5 ",
    "empty": "",
    "long": "9" * 5_000,
    "large": 10**5_000,
    "too large": 2**63,
    "zero": 0,
    "bool": True,
    "float": 1.0,
    "nan": math.nan,
    "none": None,
    "bytes": b"5",
}
_CALLS_WITH_CODE: dict[str, Callable[[Any, Any], Any]] = {
    "create": lambda client, code: client.open311(311).create(code, **_REPORT),
    "service": lambda client, code: client.open311().service(code),
    "request": lambda client, code: client.open311().request(code),
    "requests": lambda client, code: client.open311().requests(service_codes=[code]),
}


@pytest.mark.anyio
@pytest.mark.parametrize("code", _INVALID_CODES)
@pytest.mark.parametrize("name", _CALLS_WITH_CODE)
async def test_an_invalid_code_is_refused(name: str, code: str) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError):
        await _CALLS_WITH_CODE[name](harness.client, _INVALID_CODES[code])

    assert list(harness.requests) == []


@pytest.mark.anyio
@pytest.mark.parametrize("code", ["+5", "1_000", "water-leak", "9" * 19])
async def test_a_code_is_any_ascii_string(code: str) -> None:
    with pytest.raises(errors.NotFoundError):
        await SandboxHarness(quota=None).client.open311().service(code)
    with pytest.raises(errors.NotFoundError, match="service_code was not found"):
        await SandboxHarness(quota=None).client.open311(311).create(code, **_REPORT)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.open311(0),
        lambda client: client.open311().create(1001, **_REPORT),
        lambda client: client.open311(311).create("", **_REPORT),
        lambda client: client.open311(311).create(1001, **{**_REPORT, "lat": None}),
        lambda client: client.open311(311).create(1001, **{**_REPORT, "description": " "}),
        lambda client: client.open311().services(),
        lambda client: client.open311().requests(lat=1),
        lambda client: client.open311().requests(status="archived"),
        lambda client: client.open311().requests(service_codes="1001"),
        lambda client: client.open311().requests(start_date=datetime(2025, 1, 1)),  # noqa: DTZ001
        lambda client: client.open311().service(""),
    ],
)
async def test_invalid_arguments_are_refused(call: Call) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError):
        await call(harness.client)

    assert not harness.requests


@pytest.mark.anyio
async def test_an_unreadable_row_does_not_affect_the_others() -> None:
    harness = SandboxHarness(quota=None)
    rows = [{"service_request_id": 5, "lat": "41.5"}, {"lat": []}, {"status": "OPEN"}]
    harness.faults.append(Fault(200, rows))

    page = await harness.client.open311().requests()

    assert [row.id for row in page] == ["5", None]
    assert page.items[1].status is models.ServiceRequestState.OPEN
    assert [row.path for row in page.rejected] == ["[1].lat"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(_JSON | st.binary(max_size=30))
def test_any_body_is_a_list_of_requests_or_a_decode_error(body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(200, {}, content)
    for decode in (
        lambda: decode_rows(response, "", models.ServiceRequest),
        lambda: decode_first(response, models.Submission),
    ):
        try:
            assert decode() is not None
        except DecodeError:
            continue
