"""Faults: each kind, in the same process and over a socket, by rule and by chance."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import timedelta

import attrs
import pytest

from seeclickfix_async import AsyncClient, Retry, errors
from seeclickfix_async.models import Draft
from seeclickfix_async.sandbox import RETRY_AFTER_FORMS, TOKEN, Fault
from seeclickfix_async.testing import SandboxHarness, reported_exactly_once

pytestmark = pytest.mark.anyio

_DRAFT = Draft(
    request_type_id="other", lat=41.05, lng=-73.54, address="1 Elm St", answers={"summary": "Hole"}
)


@attrs.frozen
class Outcome:
    """The outcome of a fault: the errors of a read and of a report, and the number of reports."""

    fault: Fault
    read: type[Exception] | None
    write: type[Exception] | None
    reports: int


_LOST = errors.AnswerLostError
_UNKNOWN = errors.IssueMayExistError

_OUTCOMES = {
    "refused": Outcome(Fault.refuse(), errors.ConnectionFailedError, None, 1),
    "reset before": Outcome(Fault.reset(), _LOST, _UNKNOWN, 1),
    "reset in the request": Outcome(Fault.reset(carried_out=False), _LOST, _UNKNOWN, 0),
    "reset during": Outcome(Fault.reset("during"), _LOST, _UNKNOWN, 1),
    "reset after": Outcome(Fault.reset("after"), None, None, 1),
    "truncated": Outcome(Fault.truncate(), _LOST, _UNKNOWN, 1),
    "too short": Outcome(Fault.wrong_length(-9), errors.DecodeError, _UNKNOWN, 1),
    "too long": Outcome(Fault.wrong_length(9), _LOST, _UNKNOWN, 1),
    "dripping": Outcome(Fault.drip(0.001, 5), None, None, 1),
    "late": Outcome(Fault.delay(0.01), None, None, 1),
    "HTML": Outcome(Fault.html(), errors.DecodeError, _UNKNOWN, 0),
    "503": Outcome(Fault(503), errors.ServerError, _UNKNOWN, 0),
    "502, carried out": Outcome(Fault(502, carried_out=True), errors.ServerError, _UNKNOWN, 1),
    "429": Outcome(Fault.too_many_requests(1), errors.RateLimitedError, None, 1),
    "redirect": Outcome(Fault.redirect(), errors.RedirectLoopError, errors.RedirectLoopError, 0),
}


@pytest.fixture
async def client(
    request: pytest.FixtureRequest, scf_sandbox: SandboxHarness
) -> AsyncIterator[AsyncClient]:
    """A client in the same process, or over a socket."""
    if request.param == "socket":
        async with scf_sandbox.make_client(TOKEN, base_url=scf_sandbox.url, http=None) as client:
            yield client
    else:
        yield scf_sandbox.make_client(TOKEN, http=scf_sandbox.make_http(request.param))


async def _error_of(call: object) -> type[Exception] | None:
    try:
        await call  # type: ignore[misc]
    except errors.SeeClickFixError as error:
        return type(error)
    return None


# httpcore leaves the body of a request unread whose connection breaks.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("anyio_backend", "client"),
    [("asyncio", "httpx"), ("trio", "httpx2"), ("asyncio", "socket")],
    indirect=["client"],
)
@pytest.mark.scf_sandbox(20, quota=None)
async def test_each_fault_is_the_same_everywhere(
    client: AsyncClient, scf_sandbox: SandboxHarness
) -> None:
    faults = scf_sandbox.faults
    for name, outcome in _OUTCOMES.items():
        if name == "refused" and client.base_url == scf_sandbox.url:
            continue  # the system accepts the connection
        before = len(scf_sandbox.reports)
        faults.append(outcome.fault, on="GET /issues", times=4)  # as many as attempts
        read = await _error_of(client.issues.list())
        faults.clear()
        faults.append(outcome.fault, on="POST *")
        write = await _error_of(client.issues.create(_DRAFT))

        assert (read, write) == (outcome.read, outcome.write), name
        assert len(scf_sandbox.reports) - before == outcome.reports, name
        assert not faults.pending, name


@pytest.mark.scf_sandbox(20, quota=None)
async def test_a_late_response_times_out_without_waiting(scf_sandbox: SandboxHarness) -> None:
    client = scf_sandbox.make_client(timeout=5, retry=Retry(attempts=1))
    for fault in (Fault.delay(3600), Fault.drip(6)):
        start = scf_sandbox.clock.now()
        scf_sandbox.faults.append(fault)
        with pytest.raises(errors.AnswerTimeoutError):
            await client.issues.list()
        assert scf_sandbox.clock.now() == start + 5


async def test_every_form_of_retry_after_is_survived(scf_sandbox: SandboxHarness) -> None:
    client = scf_sandbox.make_client(retry=Retry(total=7200))
    waits = {}
    for form in RETRY_AFTER_FORMS:
        scf_sandbox.faults.append(Fault.too_many_requests(form))
        start = scf_sandbox.clock.now()
        await client.places.near(lat=41.05, lng=-73.54)
        waits[form] = scf_sandbox.clock.now() - start

    assert 30 <= waits[timedelta(seconds=30)] <= 32
    assert 30 <= waits[30] <= 32
    assert all(wait <= 3700 for wait in waits.values()), waits


@pytest.mark.scf_sandbox(20, quota=None)
async def test_rules_choose_requests_and_bursts_end(
    scf_sandbox: SandboxHarness, scf_client: AsyncClient
) -> None:
    number = scf_sandbox.issue_with_status("open")
    faults = scf_sandbox.faults
    faults.append(Fault(503), on="GET /issues/*", times=2)
    await scf_client.issues.list()
    assert faults.occurred == []

    await scf_client.issues.get(number)
    assert faults.occurred == [(f"GET /issues/{number}", Fault(503))] * 2

    faults.append(Fault(404), times=math.inf)
    for _ in range(3):
        with pytest.raises(errors.NotFoundError):
            await scf_client.issues.get(number)
    faults.clear()
    await scf_client.issues.get(number)


async def test_the_same_seed_draws_the_same_faults() -> None:
    drawn = []
    for seed in (1, 1, 2):
        with SandboxHarness(20, quota=None) as sandbox:
            sandbox.faults.at_random(0.3, Fault(502), Fault.reset(), Fault.truncate(), seed=seed)
            for _ in range(30):
                await _error_of(sandbox.client.issues.list())
            drawn.append([fault.status for _, fault in sandbox.faults.occurred])

    assert drawn[0] == drawn[1] != drawn[2]
    assert 5 < len(drawn[0]) < 60


async def test_a_chance_is_checked(scf_sandbox: SandboxHarness) -> None:
    for chance, faults in ((1.5, [Fault(500)]), (0.5, [])):
        with pytest.raises(ValueError, match="from 0 to 1"):
            scf_sandbox.faults.at_random(chance, *faults)


async def test_an_expired_token_is_refused(scf_sandbox: SandboxHarness) -> None:
    token = scf_sandbox.sign_in("Ana")
    client = scf_sandbox.make_client(token)
    await client.verify()
    scf_sandbox.faults.append(Fault.expired_token())
    for _ in range(2):  # it stays expired
        with pytest.raises(errors.AuthenticationError):
            await client.issues.list()


@pytest.mark.scf_sandbox(20, moderated=False)
async def test_a_bot_that_repeats_a_lost_report_is_found(
    scf_sandbox: SandboxHarness, scf_client: AsyncClient
) -> None:
    scf_sandbox.faults.append(Fault.reset(), on="POST /issues")
    with pytest.raises(errors.IssueMayExistError):
        await scf_client.issues.create(_DRAFT)
    reported_exactly_once(scf_sandbox, summary="Hole")

    await scf_client.issues.create(_DRAFT)
    with pytest.raises(AssertionError, match="found 2"):
        reported_exactly_once(scf_sandbox, summary="Hole")


async def test_a_fault_below_http_needs_a_connection(scf_sandbox: SandboxHarness) -> None:
    import httpx

    http = httpx.AsyncClient(transport=httpx.ASGITransport(scf_sandbox.app))
    scf_sandbox.faults.append(Fault.reset())
    with pytest.raises(RuntimeError, match="serve\\(\\)"):
        await http.get("https://city.test/api/v2/issues", headers={"User-Agent": "test"})


def test_a_fault_that_occurs_no_times_does_not_occur() -> None:
    faults = SandboxHarness(1).faults

    faults.append(Fault(503), times=0)

    assert not faults.pending
    assert faults.draw("GET /issues") is None
