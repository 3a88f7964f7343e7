"""The API's endpoints."""

from __future__ import annotations

from collections import deque
from typing import Any

import anyio
import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seeclickfix_async.sandbox import answers
from seeclickfix_async.sandbox.city import CENTER, City
from seeclickfix_async.sandbox.listing import PLACE_URL, Listing, window
from seeclickfix_async.sandbox.people import People
from seeclickfix_async.sandbox.rows import Rows
from seeclickfix_async.sandbox.settings import Settings

_MOST_DETAILED = 20  # documented
_ROOT = "/api/v2"


@attrs.frozen
class Seen:
    """A request that the sandbox got; whether it carried a token, but not which."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    authorized: bool
    at: float


def places(origin: str) -> list[dict[str, Any]]:
    """The places that the sandbox knows (documented shape)."""
    lat, lng = CENTER
    names = (("Example City", PLACE_URL, "City"), ("Example County", "example-county", "County"))
    return [
        {
            "id": 7001 + number,
            "name": name,
            "url_name": url_name,
            "county": "Example",
            "state": "EX",
            "center": {"type": "Point", "coordinates": [lng, lat]},
            "place_type": kind,
            "avatar": {"full": None, "square": None},
            "url": f"{origin}{_ROOT}/places/{7001 + number}",
            "html_url": f"{origin}/{url_name}",
            "html_report_url": f"{origin}/{url_name}/report",
        }
        for number, (name, url_name, kind) in enumerate(names)
    ]


@attrs.define(eq=False)
class Endpoints:
    """What is served under `/api/v2`."""

    city: City
    settings: Settings
    people: People
    requests: deque[Seen] = attrs.field(factory=lambda: deque(maxlen=10_000))
    _posted: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    _listing: Listing = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._listing = Listing(self.city)

    def routes(self) -> list[Route]:
        """Every route, each behind the same door."""
        table = {
            ("GET", "/issues"): self.issues,
            ("GET", "/issues/{id:int}"): self.issue,
            ("GET", "/issues/{id:int}/comments"): self.comments,
            ("POST", "/issues/{id:int}/comments"): self.comment,
            ("GET", "/profile"): self.profile,
            ("GET", "/profile/issues"): self.profile_issues,
            ("GET", "/places"): self.places,
            ("GET", "/places/{id:int}"): self.place,
        }
        return [
            Route(f"{_ROOT}{path}", self._behind_the_door(handler), methods=[method])
            for (method, path), handler in table.items()
        ]

    def _behind_the_door(self, handler: Any) -> Any:
        """Let nobody in who does not name himself, asks too often, or holds a wrong token."""

        async def endpoint(request: Request) -> Response:
            response = self._refuse(request)
            if response is None:
                await anyio.sleep(self.settings.latency)
                response = await handler(request)
            self.requests.append(
                Seen(
                    request.method,
                    request.url.path,
                    dict(request.query_params),
                    response.status_code,
                    "authorization" in request.headers,
                    self.settings.quota.clock() if self.settings.quota else 0.0,
                )
            )
            return response

        return endpoint

    def _refuse(self, request: Request) -> Response | None:
        if not request.headers.get("user-agent"):
            return answers.blocked()
        wait = self.settings.quota.take() if self.settings.quota else 0.0
        if wait > 0:
            return answers.too_many(wait)
        if _bearer(request) and self._user(request) is None:
            return answers.wrong_token()
        return None

    def _user(self, request: Request) -> int | None:
        return self.people.tokens.get(_bearer(request))

    async def issues(self, request: Request) -> Response:
        """`GET /issues`."""
        for _ in range(self.settings.drift):
            self.city.report()
        query = dict(request.query_params)
        if "search" in query and not {"place_url", "min_lat", "zoom", "watcher_token"} & set(query):
            return Response(status_code=504)  # the real one hangs for a minute (observed)
        rows = self._listing.select(query)
        detailed = query.get("details") == "true"
        depth = self.settings.details_depth if detailed else self.settings.depth
        most = min(_MOST_DETAILED, self.settings.most_per_page) if detailed else 0
        url = str(request.url.replace(query=""))
        page = window(rows, url, query, most=most or self.settings.most_per_page)
        start = (page.pagination["page"] - 1) * page.pagination["per_page"]
        if start >= depth:
            return self._beyond(request, query, page.pagination, depth)
        make = self._rows(request)
        items = [
            {**make.issue(row), **(make.details(row) if detailed else {})}
            for row in page.rows[: depth - start]
        ]
        return answers.fresh(request, _envelope("issues", _sparse(items, query), page.pagination))

    def _beyond(
        self, request: Request, query: dict[str, str], pagination: dict[str, Any], depth: int
    ) -> Response:
        if self.settings.beyond == "error":
            return answers.answer({"message": "Page out of range."}, 400)
        if self.settings.beyond == "empty":
            return answers.fresh(request, _envelope("issues", [], pagination))
        last = str(depth // pagination["per_page"])
        rows = self._listing.select(query)
        page = window(rows, str(request.url), {**query, "page": last}, most=pagination["per_page"])
        items = [self._rows(request).issue(row) for row in page.rows]
        return answers.fresh(request, _envelope("issues", _sparse(items, query), pagination))

    async def issue(self, request: Request) -> Response:
        """`GET /issues/:id`."""
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            return answers.no_such_thing()
        make = self._rows(request)
        detailed = request.query_params.get("details") == "true"
        return answers.fresh(
            request, {**make.issue(row), **(make.details(row) if detailed else {})}
        )

    async def comments(self, request: Request) -> Response:
        """`GET /issues/:id/comments`: no metadata, no paging (observed)."""
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            return answers.no_such_thing()
        return answers.fresh(request, {"comments": self._rows(request).comments(row)})

    async def comment(self, request: Request) -> Response:
        """`POST /issues/:id/comments`."""
        number: int = request.path_params["id"]
        row = self.city.row_of(number)
        if self._user(request) is None:
            return answers.wrong_token()
        if row is None:
            return answers.no_such_thing()
        try:
            body = await request.json()
        except ValueError:
            return answers.answer({"request": "Unable to parse JSON"}, 400)
        text = str(body.get("comment") or "") if isinstance(body, dict) else ""
        if not text:
            return answers.answer({"errors": {"comment": ["can't be blank"]}}, 422)
        if self.settings.moderated:
            return answers.answer({"metadata": {"moderated": True}}, 202)
        make = self._rows(request)
        posted = self._posted.setdefault(number, [])
        written = make.comment(
            number, 7 + len(posted), self.city.created[-1], text, self.city.random(row)
        )
        posted.append(written)
        return answers.answer({**written, "moderated": False}, 201)

    async def profile(self, request: Request) -> Response:
        """`GET /profile`: 200 for nobody as well (documented)."""
        user = self._user(request)
        return answers.fresh(request, {"id": None} if user is None else self.people.profile(user))

    async def profile_issues(self, request: Request) -> Response:
        """`GET /profile/issues`: the user's own (observed)."""
        if self._user(request) is None:
            return answers.wrong_token()
        page = window([], str(request.url.replace(query="")), dict(request.query_params), most=100)
        return answers.fresh(request, _envelope("issues", [], page.pagination))

    async def places(self, request: Request) -> Response:
        """`GET /places`."""
        query = dict(request.query_params)
        if not {"lat", "lng"} <= set(query):
            return answers.no_point()
        known = places(_origin(request))
        page = window(known, str(request.url.replace(query="")), query, most=100)
        return answers.fresh(request, _envelope("places", list(page.rows), page.pagination))

    async def place(self, request: Request) -> Response:
        """`GET /places/:id`."""
        for place in places(_origin(request)):
            if place["id"] == request.path_params["id"]:
                return answers.fresh(request, place)
        return answers.no_such_thing()

    def _rows(self, request: Request) -> Rows:
        return Rows(self.city, _origin(request), self._posted)


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _envelope(key: str, rows: list[Any], pagination: dict[str, Any]) -> dict[str, Any]:
    return {key: rows, "metadata": {"pagination": pagination}, "errors": {}}


def _sparse(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Only the fields that were asked for; `url` always comes (observed)."""
    if "fields[issue]" not in query:
        return items
    wanted = {*query["fields[issue]"].split(","), "url"}
    return [{name: row[name] for name in row if name in wanted} for row in items]
