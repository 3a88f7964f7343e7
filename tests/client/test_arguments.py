"""Ids, numbers and times as data frames, ORMs and web forms have them, in the whole public API."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import attrs
import httpx
import pytest

from seeclickfix_async import (
    AsyncClient,
    BoundingBox,
    Cache,
    HostLimiter,
    IssueFilters,
    Limiter,
    Near,
    RedisLimiter,
    RequestType,
    Retry,
    Secret,
    StoredToken,
    TokenEndpoint,
    Zoom,
    near,
)
from seeclickfix_async.errors import (
    AnswerLostError,
    ClosedClientError,
    DecodeError,
    InvalidArgumentError,
    SeeClickFixError,
    TruncatedResultsError,
)
from seeclickfix_async.mcp import build_server
from seeclickfix_async.models import Question
from seeclickfix_async.oauth import Application, Token, begin
from seeclickfix_async.pull import plan, pull, table
from seeclickfix_async.sandbox import CLIENT, Fault, Quota, Sandbox, Settings
from seeclickfix_async.testing import Builder, SandboxHarness, VirtualClock
from seeclickfix_async.tokens import KeyringStore, MemoryStore, RedisStore
from seeclickfix_async.web import Login
from tests.support.login_site import KEY

np: Any = importlib.import_module("numpy")  # of one type for all that is tried
pd: Any = importlib.import_module("pandas")  # which has no types

_APP = Application("app", "https://app.example/callback", "secret")
_POINT: dict[str, Any] = {"lat": 41.0, "lng": -73.5}
_TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)


class _Index:
    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


class _Time(datetime):
    """A subclass, which encoders refuse."""


@attrs.frozen
class _Kind:
    """A kind of argument: a valid value, the same in other types, and values to refuse."""

    value: Any
    same: Callable[[Any], list[Any]]
    invalid: tuple[Any, ...]


_MISSING = (np.nan, np.float64("nan"), pd.NaT, pd.NA, np.inf, -np.inf, Decimal("NaN"))
_NOT_NUMBERS = (*_MISSING, True, np.True_, b"12", [12], np.array([12]), pd.Series([12]), 1j)
_ID = _Kind(
    12,
    lambda value: [np.int64(value), np.uint8(value), _Index(value), f"{value}", f"0{value}"],
    (*_NOT_NUMBERS, 0, -1, 12.0, 2**63, "", "12.0", " 12", "-1", "1_2", "\u0663", str(2**63)),
)
_COUNT = _Kind(
    2,
    lambda value: [np.int64(value), np.array(value), _Index(value)],
    (*_NOT_NUMBERS, 2.0, "2", Decimal(2)),
)
_NUMBER = _Kind(
    41.5,
    lambda value: [np.float64(value), np.float32(value), Decimal(str(value)), Fraction(value)],
    (*_NOT_NUMBERS, Decimal("sNaN"), "41.5", np.str_("41.5"), 10**400),
)
_MOMENT = _Kind(
    _TIME,
    lambda _: [
        pd.Timestamp(_TIME),
        pd.Timestamp(_TIME).tz_convert("America/New_York"),
        _Time(2026, 1, 31, 12, tzinfo=UTC),
    ],
    (*_MISSING, pd.Timestamp("2026-01-31"), "2026-01-31", date(2026, 1, 31), np.datetime64("now")),
)
# A code of Open311 may be any word, and a string is not a list of codes.
_CODE = attrs.evolve(_ID, same=lambda v: [np.int64(v), _Index(v), "12"], invalid=(*_NOT_NUMBERS, 0))


@attrs.frozen
class _Case:
    """A parameter of the public API."""

    kind: _Kind
    use: Callable[[AsyncClient, Any], Any]


def _case(kind: _Kind, name: str, /, **others: Any) -> _Case:
    """A parameter of a client's method, by `issues.get(id)`; called with it, and with others."""
    method, _, argument = name.rstrip(")").partition("(")

    async def use(client: AsyncClient, value: Any) -> Any:
        function: Any = client
        for part in method.split("."):
            function = getattr(function, part)
            if part in ("open311", "organization") and part != method:
                function = function(7)
        called = function(**{**others, argument: value})
        if hasattr(called, "__aiter__"):
            return await anext(aiter(called), None)
        return await called if inspect.isawaitable(called) else repr(called)

    return _Case(kind, use)


def _filter(kind: _Kind, name: str, /, *, many: bool = False, **others: Any) -> _Case:
    async def use(client: AsyncClient, value: Any) -> Any:
        return await client.issues.list(**{**others, name: [value] if many else value})

    return _Case(kind, use)


def _made(kind: _Kind, make: Callable[..., Any], name: str, /, **others: Any) -> _Case:
    return _Case(kind, lambda _, value: repr(make(**{**others, name: value})))


_TEXT = {"comment": "x"}
_BOX: dict[str, float] = {"min_lat": -1, "min_lng": -1, "max_lat": 80, "max_lng": 80}
_SECONDS = attrs.evolve(_NUMBER, value=0.5)
_WHOLE = attrs.evolve(_NUMBER, value=2.0)
_LIMIT = attrs.evolve(_NUMBER, invalid=(np.nan, pd.NaT, pd.NA, -1, True, "2"))  # may be infinite


def _draft(**arguments: Any) -> Any:
    draft = RequestType(1).draft(**{**_POINT, **arguments}, address="x", answers={})
    return draft.lat, draft.lng


def _token(**arguments: Any) -> Token:
    fields = {"expires_in": 60.0, "created_at": _TIME, **arguments}
    return Token(Secret("x"), "Bearer", scope=None, **fields)


def _login_age(**options: Any) -> float:
    endpoint = TokenEndpoint(_APP)
    return Login(_APP, endpoint, secret_key=KEY, on_login=Mock(), **options)._max_age


def _authorize(resident: Any) -> str:
    flow = begin(Application(CLIENT, "https://app.example/callback"))
    return SandboxHarness(1).authorize(flow.url, resident)


async def _pull(**arguments: Any) -> bool:
    """Pull with a client that is closed, so that valid arguments end with this error."""
    client = AsyncClient()
    await client.aclose()
    with pytest.raises(ClosedClientError):
        await pull(client, to=f"{uuid.uuid4()}.jsonl", **arguments)
    return True


def _ages(**options: Any) -> tuple[float, float]:
    cache = Cache(**options)
    return cache.max_age, cache.stale_if_limited


def _endpoint_options(**options: Any) -> Any:
    return TokenEndpoint(_APP, **options)._options


def _client_options(**options: Any) -> str:
    client = AsyncClient(**options)
    return repr((client._api.options, client.with_options(**options)._api.options))


def _faults(add: Callable[[Any], None]) -> list[bool]:
    faults = Sandbox(1).faults
    add(faults)
    return [faults.draw("GET /issues") is not None for _ in range(20)]


async def _passed(pass_time: Callable[[VirtualClock], Any]) -> float:
    clock = VirtualClock()
    waited = pass_time(clock)
    if waited is not None:
        await waited
    return clock.now()


_LIMITERS: dict[Any, dict[str, Any]] = {
    Limiter: {},
    HostLimiter: {},
    RedisLimiter: {"redis": Mock()},
}
_CASES: dict[str, _Case] = {
    **{
        f"{method}(id)": _case(_ID, f"{method}(id)", **others)
        for method, others in {
            "comments.flag": {"message": "x"},
            "emails.remove": {},
            "issues.acknowledge": _TEXT,
            "issues.close": _TEXT,
            "issues.comment": _TEXT,
            "issues.comments": {},
            "issues.flag": {"message": "x"},
            "issues.follow": {},
            "issues.get": {},
            "issues.reopen": _TEXT,
            "issues.unfollow": {},
            "issues.unvote": {},
            "issues.vote": {},
            "organization": {},
            "organization.comments": {},
            "organization.get": {},
            "organizations.get": {},
            "places.get": {},
            "questions.answer": {"answer": "x"},
            "questions.answers": {},
            "questions.get": {},
            "request_types.get": {},
            "users.get": {},
        }.items()
    },
    "open311(organization_id)": _case(_ID, "open311(organization_id)"),
    "open311.request(id)": _case(_CODE, "open311.request(id)"),
    "open311.service(code)": _case(_CODE, "open311.service(code)"),
    "open311.create(service_code)": _case(
        _CODE, "open311.create(service_code)", **_POINT, description="x"
    ),
    **{
        f"{method}({name})": _case(_COUNT, f"{method}({name})", **others)
        for method, others in {
            "issues.list": {},
            "open311.requests": {},
            "organization.list": {},
            "places.near": _POINT,
            "questions.list": {"place_url": "x"},
            "users.near": _POINT,
        }.items()
        for name in ("page", "per_page")
    },
    "issues.mine(page)": _case(_COUNT, "issues.mine(page)"),
    "users.notices(page)": _case(_COUNT, "users.notices(page)"),
    "issues.crawl(concurrency)": _case(_COUNT, "issues.crawl(concurrency)"),
    "issues.crawl(page_size)": _case(_COUNT, "issues.crawl(page_size)"),
    "Pager.collect(limit)": _Case(
        _COUNT, lambda client, value: client.issues.list().collect(value)
    ),
    **{
        f"{method}({name})": _case(_NUMBER, f"{method}({name})", **{**_POINT, **others})
        for method, others in {
            "bulletin_boards.near": {},
            "open311.create": {"service_code": "x", "description": "x"},
            "open311.requests": {},
            "open311.services": {},
            "places.near": {},
            "places.resolve": {"name": "x"},
            "report_form": {},
            "users.near": {},
        }.items()
        for name in _POINT
    },
    **{
        f"open311.requests({name})": _case(_MOMENT, f"open311.requests({name})")
        for name in ("start_date", "end_date")
    },
    "open311.requests(service_codes)": _Case(
        _CODE, lambda client, value: client.open311().requests(service_codes=[value])
    ),
    **{
        f"issues.list({name})": _filter(_MOMENT, name)
        for name in ("after", "before", "updated_at_after", "updated_at_before")
    },
    **{
        f"issues.list({name})": _filter(_NUMBER, name, **_POINT, sort="distance") for name in _POINT
    },
    "issues.list(request_types)": _filter(_ID, "request_types", many=True),
    "issues.list(assigned)": _filter(_ID, "assigned", many=True),
    **{f"BoundingBox({name})": _made(_NUMBER, BoundingBox, name, **_BOX) for name in _BOX},
    **{
        f"BoundingBox.contains({name})": _made(
            _NUMBER, BoundingBox(**_BOX).contains, name, **_POINT
        )
        for name in (*_POINT, "margin")
    },
    **{f"Zoom({name})": _made(_NUMBER, Zoom, name, **_POINT, zoom=3) for name in _POINT},
    "Zoom(zoom)": _made(_COUNT, Zoom, "zoom", **_POINT),
    **{
        f"Near({name})": _made(_NUMBER, Near, name, **_POINT, box=BoundingBox(**_BOX))
        for name in _POINT
    },
    **{
        f"near({name})": _made(_NUMBER, near, name, **_POINT, radius=50)
        for name in (*_POINT, "radius")
    },
    **{f"RequestType.draft({name})": _made(_NUMBER, _draft, name) for name in _POINT},
    **{
        f"AsyncClient({name})": _made(_NUMBER, _client_options, name)
        for name in ("timeout", "total_timeout", "max_wait")
    },
    **{
        f"TokenEndpoint({name})": _made(_NUMBER, _endpoint_options, name)
        for name in ("timeout", "total_timeout", "max_wait")
    },
    "Cache(max_bytes)": _made(_COUNT, Cache, "max_bytes"),
    **{f"Cache({name})": _made(_NUMBER, _ages, name) for name in ("max_age", "stale_if_limited")},
    **{
        f"{limiter.__name__}({name})": _made(kind, limiter, name, **others)
        for limiter, others in _LIMITERS.items()
        for name, kind in (("limit", _COUNT), ("per", _NUMBER))
    },
    "Limiter.estimate(requests)": _made(_COUNT, Limiter().estimate, "requests"),
    "Limiter.hold(seconds)": _Case(_SECONDS, lambda _, value: Limiter().hold(value)),
    "Limiter.slot(max_wait)": _Case(
        _SECONDS, lambda _, value: bool(Limiter().slot(max_wait=value))
    ),
    "Retry(attempts)": _made(_COUNT, Retry, "attempts"),
    **{f"Retry({name})": _made(_NUMBER, Retry, name) for name in ("total", "base", "cap")},
    "issues.watch(every)": _Case(
        _NUMBER, lambda client, value: client.issues.watch(every=value)._every
    ),
    "StoredToken(leeway)": _Case(
        _NUMBER, lambda _, value: StoredToken(MemoryStore(), "key", leeway=value)._leeway
    ),
    "KeyringStore(timeout)": _made(_NUMBER, KeyringStore, "timeout"),
    "RedisStore(lease)": _Case(_NUMBER, lambda _, value: RedisStore(Mock(), lease=value)._lease),
    "Token(expires_in)": _made(_NUMBER, _token, "expires_in"),
    "Token(created_at)": _made(_MOMENT, _token, "created_at"),
    "Token.expired(now)": _made(_MOMENT, _token().expired, "now"),
    "Token.expired(leeway)": _made(_NUMBER, _token().expired, "leeway"),
    "begin(max_age)": _Case(_NUMBER, lambda _, value: begin(_APP, max_age=value).max_age),
    "Login(max_age)": _made(_NUMBER, _login_age, "max_age"),
    "pull(wait)": _Case(
        attrs.evolve(_SECONDS, invalid=("2", True, np.nan, pd.NaT, pd.NA, -1)),
        lambda _, value: _pull(wait=value),
    ),
    "pull(concurrency)": _Case(_COUNT, lambda _, value: _pull(concurrency=value)),
    "pull(page_size)": _Case(_COUNT, lambda _, value: _pull(page_size=value)),
    "table(page_size)": _Case(_COUNT, lambda client, value: table(client, page_size=value)),
    "plan(parts)": _Case(_COUNT, lambda client, value: plan(client, parts=value)),
    "Quota(limit)": _made(_COUNT, Quota, "limit"),
    "Quota(per)": _made(_WHOLE, Quota, "per"),
    **{
        f"Settings({name})": _made(_COUNT, Settings, name)
        for name in ("depth", "details_depth", "most_per_page", "most_detailed", "drift")
    },
    "Settings(latency)": _made(_NUMBER, Settings, "latency"),
    "Sandbox(issues)": _Case(_COUNT, lambda _, value: len(Sandbox(value).city)),
    "Sandbox.grant(resident)": _Case(
        attrs.evolve(_COUNT, invalid=()), lambda _, value: Sandbox(1).grant(value).keys()
    ),
    "Sandbox(seed)": _Case(_COUNT, lambda _, value: Sandbox(1, seed=value).city.seed),
    "SandboxHarness(issues)": _Case(_COUNT, lambda _, value: len(SandboxHarness(value).city)),
    "SandboxHarness(seed)": _Case(_COUNT, lambda _, value: SandboxHarness(1, seed=value).city.seed),
    "SandboxHarness.sign_in(resident)": _Case(
        attrs.evolve(_COUNT, invalid=()), lambda _, value: bool(SandboxHarness(1).sign_in(value))
    ),
    "SandboxHarness.authorize(resident)": _Case(
        attrs.evolve(_COUNT, invalid=()), lambda _, value: bool(_authorize(value))
    ),
    "SandboxHarness.grant(resident)": _Case(
        attrs.evolve(_COUNT, invalid=()), lambda _, value: SandboxHarness(1).grant(value).keys()
    ),
    "SandboxHarness.serve(port)": _Case(
        _COUNT, lambda _, value: bool(SandboxHarness(1).serve(port=value))
    ),
    "Builder(seed)": _Case(_COUNT, lambda _, value: repr(Builder(value).issue())),
    "VirtualClock.advance(by)": _Case(
        _NUMBER, lambda _, value: _passed(lambda clock: clock.advance(value))
    ),
    "VirtualClock.sleep(duration)": _Case(
        _NUMBER, lambda _, value: _passed(lambda clock: clock.sleep(value))
    ),
    "build_server(max_wait)": _Case(
        _LIMIT, lambda client, value: bool(build_server(client, max_wait=value))
    ),
    "Fault(status)": _made(_COUNT, Fault, "status"),
    "Fault(seconds)": _made(_NUMBER, Fault, "seconds"),
    "Fault.delay(seconds)": _made(_NUMBER, Fault.delay, "seconds"),
    "Fault.drip(seconds)": _Case(_NUMBER, lambda _, value: bool(Fault.drip(value))),
    "Fault.drip(pieces)": _Case(_COUNT, lambda _, value: bool(Fault.drip(pieces=value))),
    "Fault.html(status)": _made(_COUNT, Fault.html, "status"),
    "Fault.redirect(status)": _made(_COUNT, Fault.redirect, "status"),
    "Fault.wrong_length(excess)": _Case(_COUNT, lambda _, value: bool(Fault.wrong_length(value))),
    "Faults.append(times)": _Case(
        attrs.evolve(_COUNT, invalid=("2", 1.5, -1, True, np.nan, pd.NaT, pd.NA, Decimal(2))),
        lambda _, value: _faults(lambda faults: faults.append(Fault(503), times=value)),
    ),
    "Faults.at_random(chance)": _Case(
        _SECONDS, lambda _, value: _faults(lambda faults: faults.at_random(value, Fault(503)))
    ),
    "Faults.at_random(seed)": _Case(
        _COUNT,
        lambda _, value: _faults(lambda faults: faults.at_random(0.5, Fault(503), seed=value)),
    ),
    "Sandbox.serve(port)": _Case(_COUNT, lambda _, value: bool(Sandbox(1).serve(port=value))),
}


_WORDS = re.compile(
    r"\b(Duration|Id|Number|SupportsIndex|SupportsFloat|PageSize|int|float|datetime)\b"
)
_NOT_ARGUMENTS = (
    # Made by the service or by the package itself, or called by the client.
    *(
        "Change",
        "Crawl",
        "Delivery",
        "Draft",
        "Estimate",
        "Flow",
        "Introspection",
        "Page(",
        "Pager(",
    ),
    *("ProbeReport", "Rejected", "Report", "Response", "StoredRow", "TokenInfo", "Watch"),
    *(
        "City",
        "Clock.",
        "VirtualClock.wait",
        "Fault.replace",
        "RateLimiter.",
        "ReceivedRequest",
        "Retry.wait",
    ),
    *("BoundingBox.halves", "Cache.note_write", "Cache.use_unconfirmed", "Limiter.acquire"),
    # Anything is sent, as a test may want.
    *("Fault(retry_after", "Fault.too_many_requests"),
    # The same functions by another name.
    *("HostLimiter.", "RedisLimiter.", "request(", "with_options"),
)


def _parameters() -> Iterator[str]:
    """Yield the numbers and times among the parameters of everything public."""
    packages = ("mcp", "oauth", "probe", "pull", "sandbox", "testing", "tokens", "web")
    values: dict[str, Any] = {}
    for package in ("seeclickfix_async", *(f"seeclickfix_async.{name}" for name in packages)):
        module = importlib.import_module(package)
        values |= {name: getattr(module, name) for name in module.__all__}
    values = {name: value for name, value in values.items() if callable(value)}
    models = set(importlib.import_module("seeclickfix_async.models").__all__) - {"RequestType"}
    client = AsyncClient()
    resources = {name: type(value) for name, value in vars(client).items() if name[0] != "_"}
    resources |= {"open311": type(client.open311()), "organization": type(client.organization(1))}
    for name, value in {**values, **resources}.items():
        functions = {name: value}
        if isinstance(value, type):
            methods = {member: getattr(value, member) for member in dir(value) if member[0] != "_"}
            functions |= {f"{name}.{member}": function for member, function in methods.items()}
        for function, called in functions.items():
            if callable(called) and name not in models:
                with contextlib.suppress(ValueError, TypeError):
                    for parameter in inspect.signature(called).parameters.values():
                        annotation = str(parameter.annotation)
                        if _WORDS.search(annotation) and "Callable" not in annotation:
                            yield f"{function}({parameter.name})".removeprefix("AsyncClient.")
    for name, annotation in IssueFilters.__annotations__.items():
        if _WORDS.search(str(annotation)):
            yield f"issues.list({name})"


def test_the_table_has_every_number_and_time_of_the_public_api() -> None:
    found = {name for name in _parameters() if not name.startswith(_NOT_ARGUMENTS)}

    assert found == set(_CASES)


class _Recorder:
    """An HTTP client of the caller's whose requests are noted."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        transport = httpx.MockTransport(self._answer)
        http = httpx.AsyncClient(transport=transport)
        self.client = AsyncClient("token", http=http, limiter=None, cache=None)

    async def call(self, case: _Case, value: Any) -> Any:
        """Use a value; return what was sent, and the result without a request."""
        self.requests.clear()
        result = case.use(self.client, value)
        with contextlib.suppress(DecodeError, AnswerLostError, TruncatedResultsError):
            result = await result if inspect.isawaitable(result) else result
        return list(self.requests) or result

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, str(request.url), request.content))
        return httpx.Response(200, json=[])


@pytest.fixture(autouse=True)
def _in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.anyio
async def test_numbers_of_other_libraries_are_sent_as_those_of_python() -> None:
    recorder = _Recorder()
    for name, case in _CASES.items():
        expected = await recorder.call(case, case.kind.value)
        for value in case.kind.same(case.kind.value):
            assert await recorder.call(case, value) == expected, (name, value)


@pytest.mark.anyio
async def test_what_is_no_number_or_time_is_refused_in_one_sentence() -> None:
    recorder = _Recorder()
    for name, case in _CASES.items():
        argument = name.rstrip(")").partition("(")[2]
        for value in case.kind.invalid:
            try:
                await recorder.call(case, value)
            except (ValueError, SeeClickFixError) as error:
                refused = str(error)
            else:
                refused = "not at all"
            starts = (f"{argument}: ", f"draft: {argument}: ")
            assert refused.startswith(starts), (name, value, refused)
            assert refused.count(". ") <= 1
            assert not recorder.requests


@pytest.mark.anyio
async def test_requests_of_the_callers_own_take_numbers_of_other_libraries() -> None:
    recorder = _Recorder()
    params = {"a": np.int64(2), "b": Decimal("41.5"), "c": np.True_, "d": "x"}
    json = {"id": np.int64(2), "open": np.True_, "lat": np.float32(41.5), "name": np.str_("x")}

    await recorder.client.request("PUT", "/x", params=params, json=json)

    ((_, url, content),) = recorder.requests
    assert url.endswith("?a=2&b=41.5&c=true&d=x")
    assert content == b'{"id":2,"open":true,"lat":41.5,"name":"x"}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"params": {"a": pd.NaT}}, "params: a must have a value, not NaT"),
        ({"params": {"a": np.nan}}, "params: a must have a value, not NaN"),
        ({"params": {"a": None}}, "params: a must have a value, or"),
        ({"json": {"a": pd.NA}}, "json: cannot be sent as JSON: NAType"),
        ({"json": {"a": object()}}, "json: cannot be sent as JSON: object"),
    ],
)
async def test_requests_of_the_callers_own_have_values(
    options: dict[str, Any], argument: str
) -> None:
    recorder = _Recorder()

    with pytest.raises(InvalidArgumentError, match=argument):
        await recorder.client.request("PUT", "/x", **options)

    assert not recorder.requests


@pytest.mark.anyio
async def test_strings_of_other_libraries_are_sent() -> None:
    recorder = _Recorder()

    with pytest.raises(AnswerLostError):
        await recorder.client.issues.comment(np.int64(7), np.str_("Thanks"))

    assert recorder.requests[0][2] == b'{"comment":"Thanks"}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("use", "argument"),
    [
        (lambda client, value: client.issues.list(details=value), "details"),
        (lambda client, value: client.issues.list(assigned_to_me=value), "assigned_to_me"),
        (lambda client, value: client.issues.list(status=[value]), "status"),
        (lambda client, value: client.issues.list(sort=value), "sort"),
        (lambda client, value: client.issues.crawl(by=value), "by"),
        (lambda client, value: client.issues.crawl(state=value), "state"),
        (lambda client, value: client.request_types.get(value), "id"),
        (lambda _, value: begin(_APP, value), "kind"),
        (lambda _, value: begin(_APP, scope=[value]), "scope"),
    ],
)
async def test_a_missing_flag_or_word_is_refused(
    use: Callable[[AsyncClient, Any], Any], argument: str
) -> None:
    recorder = _Recorder()
    for value in (pd.NA, np.nan, pd.NaT):
        with pytest.raises(InvalidArgumentError) as caught:
            await use(recorder.client, value)
        assert caught.value.argument == argument
    assert not recorder.requests


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["address", "email", "first_name", "last_name", "phone", "media_url", "attributes"]
)
async def test_a_missing_string_is_refused(name: str) -> None:
    recorder = _Recorder()
    missing: Any = {"a": pd.NA} if name == "attributes" else np.nan

    with pytest.raises(InvalidArgumentError, match=f"{name}: must be a string, not N"):
        await recorder.client.open311(7).create("x", **_POINT, description="x", **{name: missing})

    assert not recorder.requests


_HALF = "caf\udce9"  # of a file name or an argument in Latin-1, for example


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("use", "argument"),
    [
        (lambda client: client.request("GET", "/issues", params={"search": _HALF}), "params"),
        (lambda client: client.request("GET", "/issues", params={_HALF: 1}), "params"),
        (lambda client: client.users.update(name=_HALF), "name"),
        (lambda client: client.users.update(password=_HALF), "password"),
        *(
            (
                lambda client, name=name, value=value: client.open311(7).create(
                    "x", **_POINT, description="x", **{name: value}
                ),
                name,
            )
            for name, value in (
                *((name, _HALF) for name in ("address", "email", "first_name", "last_name")),
                *((name, _HALF) for name in ("phone", "media_url")),
                *(("attributes", value) for value in ({"a": _HALF}, {"a": [_HALF]}, {_HALF: "a"})),
            )
        ),
    ],
)
async def test_a_string_that_cannot_be_encoded_is_refused(
    use: Callable[[AsyncClient], Any], argument: str
) -> None:
    recorder = _Recorder()

    with pytest.raises(InvalidArgumentError, match="half of a surrogate pair") as caught:
        await use(recorder.client)

    assert caught.value.argument == argument
    assert not recorder.requests


def test_answers_take_numbers_of_other_libraries() -> None:
    questions = tuple(
        Question(primary_key=key, question_type=key)  # type: ignore[arg-type]
        for key in ("number", "boolean", "datetime", "text", "new")
    )
    form = RequestType(1, questions=questions)
    answers = {
        "number": Decimal("1.5"),
        "boolean": np.True_,
        "datetime": pd.Timestamp(_TIME),
        "text": np.str_("x"),
        "new": np.int64(3),
    }

    draft = form.draft(**_POINT, address=np.str_("x"), answers=answers)
    with pytest.raises(InvalidArgumentError) as caught:
        form.draft(**_POINT, address="x", answers=dict.fromkeys(answers, pd.NaT))

    assert draft.answers == {
        "number": 1.5,
        "boolean": True,
        "datetime": "2026-01-31T12:00:00+00:00",
        "text": "x",
        "new": 3,
    }
    assert {type(answer) for answer in draft.answers.values()} == {float, bool, str, int}
    assert caught.value.errors.keys() == answers.keys()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("id", np.int64(7), 7),
        ("rating", _Index(3), 3),
        ("lat", np.float64(41.5), 41.5),
        ("lng", Decimal("-73.5"), -73.5),
        ("created_at", pd.Timestamp(_TIME), _TIME),
        ("summary", np.str_("Pothole"), "Pothole"),
        ("reporter", {"id": np.int64(3)}, 3),
    ],
)
def test_objects_for_tests_take_values_of_other_libraries(
    name: str, value: Any, expected: Any
) -> None:
    for make in (Builder().issue, Builder().detailed_issue):
        made = getattr(make(**{name: value}), name)
        assert (made.id if name == "reporter" else made) == expected


@pytest.mark.parametrize("name", ["id", "lat", "created_at", "summary"])
def test_objects_for_tests_have_no_missing_values(name: str) -> None:
    for missing in (pd.NaT, pd.NA):
        with pytest.raises(ValueError, match=f"Issue.{name}: NA?"):
            Builder().issue(**{name: missing})
