"""One request's way, with both HTTP libraries and with every bad answer that we know of."""

from __future__ import annotations

import json
import logging
from typing import Any

import anyio
import pytest

from seeclickfix_async import AsyncClient, Limiter, Retry, errors
from seeclickfix_async._transport.pooled_client import MOST_BYTES
from tests.support.clock import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, TOKEN, HTTPBackend, make_client

pytestmark = pytest.mark.anyio

# -- what is sent ---------------------------------------------------------------------------------


async def test_a_request_carries_the_token_and_a_name(backend: HTTPBackend) -> None:
    client = make_client(
        backend, backend.response(body=ISSUE), user_agent="bot/1", contact="a@b.example"
    )

    await client.issues.get(7)

    sent = backend.requests[0]
    assert str(sent.url) == "https://city.example/api/v2/issues/7"
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["user-agent"].startswith("bot/1 seeclickfix-async/")
    assert sent.headers["user-agent"].endswith("(+a@b.example)")


@pytest.mark.parametrize(
    "base_url", [ORIGIN, f"{ORIGIN}/", f"{ORIGIN}/api/v2", f"{ORIGIN}/api/v2/"]
)
async def test_the_site_and_the_api_root_are_both_a_base_url(
    backend: HTTPBackend, base_url: str
) -> None:
    client = make_client(backend, backend.response(body=ISSUE), base_url=base_url)

    await client.issues.get(7)

    assert str(backend.requests[0].url) == "https://city.example/api/v2/issues/7"


async def test_a_route_tells_no_number(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    response = await client.request("GET", "/organizations/311/issues/7?after=2026")

    assert response.route == "GET /api/v2/organizations/{id}/issues/{id}"


async def test_cookies_are_never_sent(backend: HTTPBackend) -> None:
    answer = backend.response(body=ISSUE, set_cookie="session=somebody; Path=/")
    client = make_client(backend, answer)

    await client.issues.get(7)
    await client.with_options(token="another").issues.get(7)

    assert [request.headers.get("cookie") for request in backend.requests] == [None, None]


async def test_views_have_tokens_of_their_own(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    for view in (client.with_options(token="second"), client.with_options(token=None), client):
        await view.issues.get(7)

    sent = [request.headers.get("authorization") for request in backend.requests]
    assert sent == ["Bearer second", None, f"Bearer {TOKEN}"]


async def test_basic_authentication(backend: HTTPBackend) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))
    client = AsyncClient(auth=("me@b.example", "pass"), http=http, base_url=ORIGIN, limiter=None)

    await client.issues.get(7)

    assert backend.requests[0].headers["authorization"].startswith("Basic ")


# -- to whom the token goes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api/v2/issues/7",
        "http://city.example/api/v2/issues/7",
        "https://city.example:8443/api/v2/issues/7",
        "https://city.example.evil.example/x",
        "https://www.city.example/x",
    ],
)
async def test_another_origin_gets_no_token(backend: HTTPBackend, url: str) -> None:
    direct = make_client(backend, backend.response(body=ISSUE))
    redirected = make_client(
        backend, backend.response(302, location=url), backend.response(body=ISSUE)
    )

    await direct.request("GET", url)
    issue = await redirected.issues.get(7)

    sent = [request.headers.get("authorization") for request in backend.requests]
    assert sent == [None, f"Bearer {TOKEN}", None]
    assert issue.id == 7


async def test_a_token_of_the_callers_own_client_stays_at_home_too(backend: HTTPBackend) -> None:
    http = backend.client(
        backend.scripted(
            backend.response(302, location="https://evil.example/"), backend.response(body=ISSUE)
        ),
        headers={"Authorization": "Bearer own"},
    )
    client = AsyncClient(http=http, base_url=ORIGIN, limiter=None)

    await client.issues.get(7)

    sent = [request.headers.get("authorization") for request in backend.requests]
    assert sent == ["Bearer own", None]


async def test_a_redirect_at_home_keeps_the_token(backend: HTTPBackend) -> None:
    moved = backend.response(301, location="/api/v2/issues/8")
    client = make_client(backend, moved, backend.response(body=ISSUE))

    response = await client.request("GET", "/issues/7")

    assert response.url == "https://city.example/api/v2/issues/8"
    assert response.requests == 2
    assert backend.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("location", ["/api/v2/issues/7", "/elsewhere"])
async def test_a_redirect_loop_ends(backend: HTTPBackend, location: str) -> None:
    client = make_client(backend, backend.response(302, location=location))

    with pytest.raises(errors.RedirectLoopError, match="circle"):
        await client.issues.get(7)

    assert len(backend.requests) <= 2


async def test_an_endless_row_of_redirects_ends(backend: HTTPBackend) -> None:
    http = backend.client(lambda request: backend.response(302, location=f"{request.url.path}/on"))
    client = AsyncClient(http=http, base_url=ORIGIN, limiter=None)

    with pytest.raises(errors.RedirectLoopError):
        await client.issues.get(7)

    assert len(backend.requests) <= 11


@pytest.mark.parametrize(
    "answer", [(200, b"<html>Sign in to the wifi</html>"), (401, b""), (404, b"gone")]
)
async def test_a_foreign_page_is_no_answer_of_the_api(
    backend: HTTPBackend, answer: tuple[int, bytes]
) -> None:
    away = backend.response(302, location="https://login.example/portal?next=1")
    client = make_client(backend, away, backend.response(*answer))

    with pytest.raises(errors.ForeignRedirectError, match=r"login\.example") as caught:
        await client.issues.get(7)

    assert caught.value.origin == "https://login.example:443"
    assert "next=1" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_write_is_not_sent_to_another_origin(backend: HTTPBackend, status: int) -> None:
    client = make_client(backend, backend.response(status, location="https://evil.example/"))

    with pytest.raises(errors.ForeignRedirectError):
        await client.request("POST", "/issues/7/comments", json={"comment": "private"})

    assert len(backend.requests) == 1


async def test_a_write_keeps_its_body_along_a_redirect_at_home(backend: HTTPBackend) -> None:
    moved = backend.response(307, location="/api/v2/issues/8/comments")
    client = make_client(backend, moved, backend.response(201, {}))

    await client.request("POST", "/issues/7/comments", json={"comment": "hello"})

    assert json.loads(backend.requests[1].content) == {"comment": "hello"}


async def test_a_write_that_would_lose_its_body_fails(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(302, location="/api/v2/issues/8/comments"))

    with pytest.raises(errors.RedirectRefusedError, match="lose its body"):
        await client.request("POST", "/issues/7/comments", json={"comment": "hello"})


# -- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><h1>Maintenance</h1></html>", "web page"),
        (b'{"id": 7, "summary": "Po', "truncated"),
        (b"", "empty"),
        (b"\xff\xfe", "not JSON"),
        (b'{"summary": "no id"}', "missing required field `id`"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
async def test_an_answer_that_cannot_be_read(backend: HTTPBackend, body: bytes, words: str) -> None:
    client = make_client(backend, backend.response(body=body))

    with pytest.raises(errors.DecodeError, match=words) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"
    assert "Maintenance" not in str(caught.value)


async def test_an_empty_404(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(404, b""))

    with pytest.raises(errors.NotFoundError) as caught:
        await client.issues.get(7)

    assert caught.value.body is None


@pytest.mark.parametrize("call", ["list", "get"])
async def test_a_success_that_lists_errors_is_none(backend: HTTPBackend, call: str) -> None:
    body = {"issues": [], "errors": {"lat": ["is no latitude"]}}
    client = make_client(backend, backend.response(body=body))

    with pytest.raises(errors.ValidationError, match="is no latitude") as caught:
        await (client.issues.list() if call == "list" else client.issues.get(7))

    assert caught.value.errors == {"lat": ["is no latitude"]}
    assert caught.value.status == 200


class _Gigabyte:
    """A body that counts how much of it was asked for."""

    given = 0

    def __aiter__(self) -> _Gigabyte:
        return self

    async def __anext__(self) -> bytes:
        if self.given >= 2**30:
            raise StopAsyncIteration
        self.given += 2**20
        return b"x" * 2**20


# httpx leaves inner generators of its own open when reading stops early, and trio says so.
@pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_a_gigabyte_is_not_read(backend: HTTPBackend, announced: bool) -> None:
    body = _Gigabyte()
    headers = {"content-length": str(2**30)} if announced else {}
    client = make_client(backend, backend.module.Response(200, content=body, headers=headers))

    with pytest.raises(errors.ResponseTooLargeError) as caught:
        await client.issues.get(7)

    assert caught.value.limit == MOST_BYTES
    assert body.given <= MOST_BYTES + 2**20


async def test_a_bad_row_costs_no_other_row(
    backend: HTTPBackend, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"id": 1}, {"id": 2, "lat": {"secret place": 1}, "new": 5}, {"id": 3, "new": 6}]
    client = make_client(backend, backend.response(body={"issues": rows}))

    with caplog.at_level(logging.WARNING, "seeclickfix_async"):
        page = await client.issues.list()

    assert [issue.id for issue in page] == [1, 3]
    assert [row.path for row in page.rejected] == ["issues[1].lat"]
    assert json.loads(page.rejected[0].raw) == rows[1]
    assert page.raw == (rows[0], rows[2])
    assert len(caplog.records) == 1
    assert "issues[1].lat" in caplog.text
    assert "secret place" not in caplog.text


# -- retries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure", [502, 503, 504, 429, "ConnectError", "ReadError", "ReadTimeout"]
)
async def test_a_read_is_tried_again(backend: HTTPBackend, failure: int | str) -> None:
    bad = failure if isinstance(failure, str) else backend.response(failure, b"", retry_after="0")
    client = make_client(backend, bad, bad, backend.response(body=ISSUE))

    issue = await client.issues.get(7)

    assert issue.id == 7
    assert len(backend.requests) == 3


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (500, errors.ServerError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (422, errors.ValidationError),
    ],
)
async def test_what_will_not_change_is_not_tried_again(
    backend: HTTPBackend, failure: int, error: type[Exception]
) -> None:
    client = make_client(backend, backend.response(failure, b""))

    with pytest.raises(error):
        await client.issues.get(7)

    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        ("ConnectError", 3),
        ("ConnectTimeout", 3),
        (429, 3),
        ("ReadError", 1),
        ("WriteError", 1),
        ("ReadTimeout", 1),
        ("RemoteProtocolError", 1),
        (502, 1),
        (503, 1),
    ],
)
async def test_a_write_is_sent_again_only_when_it_surely_did_nothing(
    backend: HTTPBackend, failure: int | str, tries: int
) -> None:
    bad = failure if isinstance(failure, str) else backend.response(failure, b"", retry_after="0")
    client = make_client(backend, bad, bad, backend.response(201, {}))

    try:
        await client.request("POST", "/issues/7/comments", json={"comment": "hello"})
    except (errors.AnswerLostError, errors.ServerError):
        assert tries == 1

    assert len(backend.requests) == tries


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (
            "ConnectError",
            errors.ConnectionFailedError,
            "No connection to city.example could be made. ",
        ),
        ("UnsupportedProtocol", errors.ConnectionFailedError, "Nothing was sent"),
        ("ReadError", errors.AnswerLostError, "may have carried"),
        ("ConnectTimeout", errors.ConnectionFailedError, "made: it did not answer in time"),
        ("PoolTimeout", errors.ConnectionFailedError, "HTTP client that you gave has none left"),
        ("ReadTimeout", errors.AnswerTimeoutError, "No answer came from city.example in time"),
        ("DecodingError", errors.AnswerLostError, "broke"),
    ],
)
async def test_failures_of_the_network_have_their_errors(
    backend: HTTPBackend, failure: str, error: type[errors.TransportError], words: str
) -> None:
    client = make_client(backend, failure, retry=Retry(attempts=1))

    with pytest.raises(error, match=words) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"


async def test_retries_end_after_so_many_attempts(backend: HTTPBackend) -> None:
    client = make_client(backend, "ReadError", retry=Retry(attempts=3, base=0))

    with pytest.raises(errors.AnswerLostError):
        await client.issues.get(7)

    assert len(backend.requests) == 3


@pytest.mark.parametrize(
    ("responses", "requests"),
    [
        (("ReadError", "ConnectError", 503, 503), 3),
        ((503, "ConnectError", 404), 2),
        (("ConnectError",), 0),
    ],
)
async def test_an_error_counts_the_requests_that_were_sent(
    backend: HTTPBackend, responses: tuple[int | str, ...], requests: int
) -> None:
    script = (one if isinstance(one, str) else backend.response(one) for one in responses)
    client = make_client(backend, *script, retry=Retry(attempts=4, base=0))

    with pytest.raises(errors.SeeClickFixError) as caught:
        await client.issues.get(7)

    assert caught.value.requests == requests


async def test_retries_end_when_the_time_is_up(backend: HTTPBackend) -> None:
    clock = VirtualClock()
    retry = Retry(attempts=50, total=100, base=64, cap=64, random=lambda: 0.5)
    client = make_client(backend, "ReadError", retry=retry, clock=clock)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.run)
        with pytest.raises(errors.AnswerLostError):
            await client.issues.get(7)
        tasks.cancel_scope.cancel()

    assert clock.waits == [32.0, 32.0, 32.0]
    assert len(backend.requests) == 4


async def test_the_default_limiter_waits_by_the_clients_clock(backend: HTTPBackend) -> None:
    clock = VirtualClock()
    http = backend.client(backend.scripted(backend.response(body=json.dumps(ISSUE).encode())))
    client = AsyncClient(base_url=ORIGIN, http=http, clock=clock)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.run)
        for _ in range(21):
            await client.issues.get(7)
        tasks.cancel_scope.cancel()

    assert clock.waits == [60.0]


async def test_a_wait_beyond_the_total_is_not_begun(backend: HTTPBackend) -> None:
    response = backend.response(429, b"", retry_after="600")
    client = make_client(backend, response, retry=Retry(total=60))

    with pytest.raises(errors.RateLimitedError) as caught:
        await client.issues.get(7)

    assert caught.value.retry_after == 600
    assert len(backend.requests) == 1


async def test_max_wait_bounds_what_a_429_asks_for(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(429, b"", retry_after="30"), max_wait=5)

    with pytest.raises(errors.RateLimitedError):
        await client.issues.get(7)

    assert len(backend.requests) == 1


async def test_a_429_stops_all_who_share_the_limiter(backend: HTTPBackend) -> None:
    limiter = Limiter(20, per=60)
    client = make_client(
        backend,
        backend.response(429, b"", retry_after="120"),
        limiter=limiter,
        retry=Retry(attempts=1),
    )
    with pytest.raises(errors.RateLimitedError):
        await client.issues.get(7)

    with pytest.raises(errors.RateLimitedError, match="Nothing was sent"):
        await client.with_options(max_wait=60).issues.get(7)

    assert len(backend.requests) == 1


async def test_a_blocked_client_stops(backend: HTTPBackend) -> None:
    caught: list[errors.BlockedError] = []

    async def serve(_request: Any) -> Any:
        await anyio.wait_all_tasks_blocked()  # the others are in the queue by now
        return backend.response(403, {"message": "Request forbidden by administrative rules."})

    http = backend.module.AsyncClient(transport=backend.module.MockTransport(serve))
    client = AsyncClient(http=http, base_url=ORIGIN, limiter=Limiter(1, per=3600))

    async def get() -> None:
        try:
            await client.issues.get(7)
        except errors.BlockedError as error:
            caught.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(get)

    assert len(caught) == 3
    assert len(set(map(id, caught))) == 1  # one request was sent, and its error is everybody's


# -- the client's life ----------------------------------------------------------------------------


async def test_a_closed_client_says_so_and_leaves_the_callers_alone(backend: HTTPBackend) -> None:
    http = backend.client(backend.scripted(backend.response(body=ISSUE)))
    async with AsyncClient(http=http, base_url=ORIGIN, limiter=None) as client:
        view = client.with_options(token="other")
        async with view:
            pass
        await client.issues.get(7)

    for closed in (client, view):
        with pytest.raises(errors.ClosedClientError):
            await closed.issues.get(7)
    assert not http.is_closed
    await client.aclose()


async def test_no_token_in_any_log_record(
    backend: HTTPBackend, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(backend, 503, backend.response(503, b""), backend.response(body=ISSUE))

    with caplog.at_level(logging.DEBUG):
        client = make_client(backend, backend.response(503, b""), backend.response(body=ISSUE))
        await client.issues.get(7)

    assert "GET /issues/{id}: 503" in caplog.text
    assert TOKEN not in caplog.text


async def test_something_else_than_a_client_is_refused() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"httpx\.AsyncClient"):
        AsyncClient(http=object())  # type: ignore[arg-type]


def test_a_client_of_another_event_loop_says_so(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    anyio.run(client.issues.get, 7)

    with pytest.raises(errors.EventLoopError, match="one AsyncClient per event loop"):
        anyio.run(client.issues.get, 7)
