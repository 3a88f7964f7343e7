"""The transport, with both HTTP libraries and all bad responses that are known."""

from __future__ import annotations

import json
import logging
from typing import Any

import anyio
import pytest

from seeclickfix_async import AsyncClient, Limiter, Retry, errors
from seeclickfix_async._transport.content import MAX_BYTES
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, TOKEN, HTTPBackend, make_client

pytestmark = pytest.mark.anyio


async def test_a_request_has_a_token_and_a_user_agent(backend: HTTPBackend) -> None:
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


async def test_a_route_contains_no_id(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    response = await client.request("GET", "/organizations/311/issues/7?after=2026")

    assert response.route == "GET /api/v2/organizations/{id}/issues/{id}"


async def test_cookies_are_never_sent(backend: HTTPBackend) -> None:
    response = backend.response(body=ISSUE, set_cookie="session=somebody; Path=/")
    client = make_client(backend, response)

    await client.issues.get(7)
    await client.with_options(token="another").issues.get(7)

    assert [request.headers.get("cookie") for request in backend.requests] == [None, None]


async def test_views_have_their_own_tokens(backend: HTTPBackend) -> None:
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


async def test_another_origin_gets_no_token_of_the_callers_client(backend: HTTPBackend) -> None:
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


async def test_a_redirect_within_the_origin_keeps_the_token(backend: HTTPBackend) -> None:
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


async def test_an_endless_chain_of_redirects_ends(backend: HTTPBackend) -> None:
    http = backend.client(lambda request: backend.response(302, location=f"{request.url.path}/on"))
    client = AsyncClient(http=http, base_url=ORIGIN, limiter=None)

    with pytest.raises(errors.RedirectLoopError):
        await client.issues.get(7)

    assert len(backend.requests) <= 11


@pytest.mark.parametrize(
    "page", [(200, b"<html>Sign in to the wifi</html>"), (401, b""), (404, b"gone")]
)
async def test_a_page_of_another_origin_is_not_a_response_of_the_api(
    backend: HTTPBackend, page: tuple[int, bytes]
) -> None:
    away = backend.response(302, location="https://login.example/portal?next=1")
    client = make_client(backend, away, backend.response(*page))

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


async def test_a_write_keeps_its_body_through_a_redirect(backend: HTTPBackend) -> None:
    moved = backend.response(307, location="/api/v2/issues/8/comments")
    client = make_client(backend, moved, backend.response(201, {}))

    await client.request("POST", "/issues/7/comments", json={"comment": "hello"})

    assert json.loads(backend.requests[1].content) == {"comment": "hello"}


async def test_a_redirect_that_would_lose_the_body_is_refused(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(302, location="/api/v2/issues/8/comments"))

    with pytest.raises(errors.RedirectRefusedError, match="lose its body"):
        await client.request("POST", "/issues/7/comments", json={"comment": "hello"})


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
async def test_an_unreadable_response_fails(backend: HTTPBackend, body: bytes, words: str) -> None:
    client = make_client(backend, backend.response(body=body))

    with pytest.raises(errors.DecodeError, match=words) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"
    assert "Maintenance" not in str(caught.value)


async def test_a_404_may_be_empty(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(404, b""))

    with pytest.raises(errors.NotFoundError) as caught:
        await client.issues.get(7)

    assert caught.value.body is None


@pytest.mark.parametrize("call", ["list", "get"])
async def test_a_success_that_lists_errors_is_an_error(backend: HTTPBackend, call: str) -> None:
    body = {"issues": [], "errors": {"lat": ["is no latitude"]}}
    client = make_client(backend, backend.response(body=body))

    with pytest.raises(errors.ValidationError, match="is no latitude") as caught:
        await (client.issues.list() if call == "list" else client.issues.get(7))

    assert caught.value.errors == {"lat": ["is no latitude"]}
    assert caught.value.status == 200


class _Gigabyte:
    """A body that counts how much of it was read."""

    size = 0

    def __aiter__(self) -> _Gigabyte:
        return self

    async def __anext__(self) -> bytes:
        if self.size >= 2**30:
            raise StopAsyncIteration
        self.size += 2**20
        return b"x" * 2**20


# httpx leaves inner generators open when reading stops early, and trio warns about it.
@pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_a_gigabyte_is_not_read(backend: HTTPBackend, announced: bool) -> None:
    body = _Gigabyte()
    headers = {"content-length": str(2**30)} if announced else {}
    client = make_client(backend, backend.module.Response(200, content=body, headers=headers))

    with pytest.raises(errors.ResponseTooLargeError) as caught:
        await client.issues.get(7)

    assert caught.value.limit == MAX_BYTES
    assert body.size <= MAX_BYTES + 2**20


async def test_an_unreadable_row_loses_no_other_row(
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


@pytest.mark.parametrize(
    "failure", [408, 502, 503, 504, 520, 530, 429, "ConnectError", "ReadError", "ReadTimeout"]
)
async def test_a_read_is_retried(backend: HTTPBackend, failure: int | str) -> None:
    bad = (
        failure if isinstance(failure, str) else backend.response(failure, b"", retry_after="0.001")
    )
    client = make_client(backend, bad, bad, backend.response(body=ISSUE))

    issue = await client.issues.get(7)

    assert issue.id == 7
    assert len(backend.requests) == 3


@pytest.mark.parametrize(("failures", "requests"), [([500], 2), ([503, 500], 3), ([500, 500], 2)])
async def test_a_read_is_retried_once_after_a_500(
    backend: HTTPBackend, failures: list[int], requests: int
) -> None:
    responses = [backend.response(status, b"") for status in failures]
    client = make_client(backend, *responses, backend.response(body=ISSUE))

    if failures == [500, 500]:
        with pytest.raises(errors.ServerError):
            await client.issues.get(7)
    else:
        assert (await client.issues.get(7)).id == 7

    assert len(backend.requests) == requests


async def test_a_challenge_is_neither_retried_nor_a_moderated_write(backend: HTTPBackend) -> None:
    page = backend.response(202, b"", x_amzn_waf_action="challenge")
    client = make_client(backend, page)

    with pytest.raises(errors.ChallengeError, match="did not receive the request"):
        await client.issues.get(7)
    with pytest.raises(errors.ChallengeError):
        await client.issues.comment(7, "hello")

    assert len(backend.requests) == 2


@pytest.mark.parametrize(("retry_after", "pause"), [("0", 1.0), ("7", 7.0), ("soon", 10.0)])
async def test_the_pause_after_a_429(backend: HTTPBackend, retry_after: str, pause: float) -> None:
    clock = VirtualClock()
    limited = backend.response(429, b"", retry_after=retry_after)
    client = make_client(
        backend, limited, backend.response(body=ISSUE), clock=clock, limiter=Limiter(clock=clock)
    )
    start = clock.now()
    await client.issues.get(7)

    assert clock.now() - start == pause


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (501, errors.ServerError),
        (531, errors.ServerError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (422, errors.ValidationError),
    ],
)
async def test_a_permanent_error_is_not_retried(
    backend: HTTPBackend, failure: int, error: type[Exception]
) -> None:
    client = make_client(backend, backend.response(failure, b""))

    with pytest.raises(error):
        await client.issues.get(7)

    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        ("ConnectError", 3),
        ("ConnectTimeout", 3),
        (429, 3),
        ("ReadError", 1),
        ("WriteError", 1),
        ("ReadTimeout", 1),
        ("RemoteProtocolError", 1),
        (408, 1),
        (500, 1),
        (503, 1),
        (520, 1),
    ],
)
async def test_a_write_is_retried_only_if_it_certainly_had_no_effect(
    backend: HTTPBackend, failure: int | str, attempts: int
) -> None:
    bad = (
        failure if isinstance(failure, str) else backend.response(failure, b"", retry_after="0.001")
    )
    client = make_client(backend, bad, bad, backend.response(201, {}))

    try:
        await client.request("POST", "/issues/7/comments", json={"comment": "hello"})
    except (errors.AnswerLostError, errors.ServerError):
        assert attempts == 1

    assert len(backend.requests) == attempts


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (
            "ConnectError",
            errors.ConnectionFailedError,
            "The connection to city.example failed. ",
        ),
        ("UnsupportedProtocol", errors.ConnectionFailedError, "Nothing was sent"),
        ("ReadError", errors.AnswerLostError, "may have executed"),
        (
            "ConnectTimeout",
            errors.ConnectionFailedError,
            "server did not respond in time",
        ),
        ("PoolTimeout", errors.ConnectionFailedError, "HTTP client that you passed has no free"),
        ("ReadTimeout", errors.AnswerTimeoutError, "city.example did not respond in time"),
        ("DecodingError", errors.AnswerLostError, "broke"),
    ],
)
async def test_each_network_failure_has_its_error(
    backend: HTTPBackend, failure: str, error: type[errors.TransportError], words: str
) -> None:
    client = make_client(backend, failure, retry=Retry(attempts=1))

    with pytest.raises(error, match=words) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"


async def test_retries_end_after_the_last_attempt(backend: HTTPBackend) -> None:
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

    with pytest.raises(errors.AnswerLostError):
        await client.issues.get(7)

    assert clock.waits == [32.0, 32.0, 32.0]
    assert len(backend.requests) == 4


async def test_the_default_limiter_uses_the_clients_clock(backend: HTTPBackend) -> None:
    clock = VirtualClock()
    http = backend.client(backend.scripted(backend.response(body=json.dumps(ISSUE).encode())))
    client = AsyncClient(base_url=ORIGIN, http=http, clock=clock)

    for _ in range(21):
        await client.issues.get(7)

    assert clock.waits == [60.0]


async def test_a_retry_beyond_the_total_time_is_not_awaited(backend: HTTPBackend) -> None:
    response = backend.response(429, b"", retry_after="600")
    client = make_client(backend, response, retry=Retry(total=60))

    with pytest.raises(errors.RateLimitedError) as caught:
        await client.issues.get(7)

    assert caught.value.retry_after == 600
    assert len(backend.requests) == 1


async def test_max_wait_limits_the_wait_after_a_429(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(429, b"", retry_after="30"), max_wait=5)

    with pytest.raises(errors.RateLimitedError):
        await client.issues.get(7)

    assert len(backend.requests) == 1


async def test_a_429_pauses_the_shared_limiter(backend: HTTPBackend) -> None:
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
        await anyio.wait_all_tasks_blocked()  # now the others are in the queue
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
    assert len(set(map(id, caught))) == 1  # one request was sent, and all tasks raise its error


async def test_a_closed_client_leaves_the_callers_open(
    backend: HTTPBackend,
) -> None:
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


async def test_no_log_record_contains_the_token(
    backend: HTTPBackend, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(backend, 503, backend.response(503, b""), backend.response(body=ISSUE))

    with caplog.at_level(logging.DEBUG):
        client = make_client(backend, backend.response(503, b""), backend.response(body=ISSUE))
        await client.issues.get(7)

    assert "GET /issues/{id}: 503" in caplog.text
    assert TOKEN not in caplog.text


async def test_another_object_than_an_http_client_is_refused() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"httpx\.AsyncClient"):
        AsyncClient(http=object())  # type: ignore[arg-type]


def test_a_second_event_loop_is_refused(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    anyio.run(client.issues.get, 7)

    with pytest.raises(errors.EventLoopError, match="one AsyncClient per event loop"):
        anyio.run(client.issues.get, 7)
