"""The city by Open311 GeoReport v2: bare lists, and two statuses, open and closed (observed)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _forms as forms
from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._categories import CATEGORIES, COMMUNITY, FIRST_REQUEST_TYPE
from seeclickfix_async.sandbox._city import CLOSED, City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._listing import IssueSelector, parse_int
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._serializers import ORGANIZATION, ORGANIZATION_ID, Serializer

_ROOT = "/open311/v2"
_PER_PAGE = 20
_DATATYPES = {
    "text": "string",
    "textarea": "text",
    "number": "number",
    "datetime": "datetime",
    "select": "singlevaluelist",
    "multivaluelist": "multivaluelist",
}
_STATUSES = {"open": "open,acknowledged", "closed": "closed,archived"}
_ALL = "open,acknowledged,closed,archived"


@attrs.define(eq=False)
class Open311Routes:
    """The Open311 endpoints, which need no account."""

    city: City
    gateway: Gateway
    overlay: Overlay
    _selector: IssueSelector = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._selector = IssueSelector(self.city, self.gateway.settings)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path, each with and without an organization."""
        routes = {
            ("GET", "/discovery.json"): self.discovery,
            ("GET", "/services.json"): self.services,
            ("GET", "/services/{code}.json"): self.service,
            ("GET", "/requests.json"): self.requests,
            ("POST", "/requests.json"): self.create,
            ("GET", "/requests/{id}.json"): self.request,
        }
        return {
            (method, f"{_ROOT}{scope}{path}"): self._scoped(handler)
            for (method, path), handler in routes.items()
            for scope in ("", "/{organization:int}")
        }

    def _scoped(self, handler: Callable[[Request], Awaitable[Response]]) -> Handler:
        async def scoped(request: Request) -> Response:
            if request.path_params.get("organization", ORGANIZATION_ID) != ORGANIZATION_ID:
                return _error(404, "Invalid Jurisdiction ID")
            return await handler(request)

        return scoped

    async def discovery(self, request: Request) -> Response:
        """`GET discovery.json`."""
        url = f"{origin(request)}{_ROOT}"
        endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_v2",
            "url": url,
            "changeset": "2026-01-01T00:00:00-05:00",
            "type": "test",
            "formats": ["application/json"],
        }
        contact = "This is a sandbox. It has no contact."
        return responses.json_response(
            {"changeset": None, "contact": contact, "endpoints": [endpoint]}
        )

    async def services(self, _request: Request) -> Response:
        """`GET services.json`."""
        return responses.json_response(
            [
                {
                    "service_code": str(FIRST_REQUEST_TYPE + category),
                    "service_name": name,
                    "description": name,
                    "metadata": len(forms.questions(category)) > forms.COMMON_QUESTIONS,
                    "type": "realtime",
                    "keywords": None,
                    "group": ORGANIZATION,
                    "organization": ORGANIZATION,
                }
                for category, name in enumerate(CATEGORIES)
                if category != COMMUNITY
            ]
        )

    async def service(self, request: Request) -> Response:
        """`GET services/:code.json`: a bare object (observed)."""
        category = forms.parse_category(request.path_params["code"])
        if not category:
            return _error(404, "service_code was not found")
        questions = forms.questions(category)[forms.COMMON_QUESTIONS :]
        attributes = [_attribute(order, question) for order, question in enumerate(questions, 1)]
        code = str(FIRST_REQUEST_TYPE + category)
        return responses.json_response({"service_code": code, "attributes": attributes})

    async def requests(self, request: Request) -> Response:
        """`GET requests.json`: a list without metadata."""
        query = dict(request.query_params)
        type_filter = {"request_types": query["service_code"]} if "service_code" in query else {}
        rows = self._selector.select(
            {
                "status": _STATUSES.get(query.get("status", ""), _ALL),
                **{name: query[param] for name, param in _PERIOD_PARAMS.items() if param in query},
                **type_filter,
            }
        )
        page = max(parse_int(query.get("page"), 1), 1)
        per_page = min(max(parse_int(query.get("per_page"), _PER_PAGE), 1), 100)
        serializer = Serializer(self.city, origin(request), self.overlay)
        shown = rows[(page - 1) * per_page : page * per_page]
        return responses.json_response([self._row(serializer, row) for row in shown])

    async def request(self, request: Request) -> Response:
        """`GET requests/:id.json`: a list of one (GeoReport v2)."""
        row = self.city.row_of(parse_int(request.path_params["id"], 0))
        if row is None:
            return _error(404, "service_request_id was not found")
        serializer = Serializer(self.city, origin(request), self.overlay)
        return responses.json_response([self._row(serializer, row)])

    async def create(self, request: Request) -> Response:
        """`POST requests.json`."""
        body = await parse_body(request)
        category = forms.parse_category(str(body.get("service_code", "")))
        if "organization" not in request.path_params and "jurisdiction_id" not in body:
            return _error(400, "jurisdiction_id was not provided")
        if not category:
            return _error(404, "service_code was not found")
        if not ("lat" in body and "long" in body):
            return _error(400, "location was not provided")
        attributes = body.get("attribute", {})
        for question in forms.questions(category)[forms.COMMON_QUESTIONS :]:
            if question["response_required"] and not attributes.get(question["primary_key"]):
                return _error(400, f"attribute {question['primary_key']} was not provided")
        row = self.city.report_at(category, float(body["lat"]), float(body["long"]))
        changes = self.overlay.edit(row)
        changes.is_report = True
        changes.fields.update(
            description=body.get("description", ""), address=body.get("address_string", "")
        )
        created = {"service_request_id": str(self.city.id_of(row)), "service_notice": None}
        return responses.json_response([created], 201)

    def _row(self, serializer: Serializer, row: int) -> dict[str, Any]:
        issue = serializer.issue(row)
        request_type = issue["request_type"]
        return {
            "service_request_id": str(issue["id"]),
            "status": "closed" if self.city.status[row] >= CLOSED else "open",
            "status_notes": None,
            "service_name": issue["summary"],
            "service_code": str(request_type["id"]) if request_type else None,
            "description": issue["description"],
            "agency_responsible": ORGANIZATION,
            "service_notice": None,
            "requested_datetime": issue["created_at"],
            "updated_datetime": issue["updated_at"],
            "expected_datetime": None,
            "address": issue["address"],
            "address_id": None,
            "zipcode": None,
            "lat": issue["lat"],
            "long": issue["lng"],
            "media_url": issue["media"]["image_full"],
            "organization": ORGANIZATION,
        }


_PERIOD_PARAMS = {"after": "start_date", "before": "end_date"}


def _attribute(order: int, question: dict[str, Any]) -> dict[str, Any]:
    question_type = question["question_type"]
    return {
        "variable": question_type != "note",
        "code": question["primary_key"],
        "datatype": _DATATYPES.get(question_type, "string"),
        "required": question["response_required"],
        "datatype_description": None,
        "order": order,
        "description": question["question"],
        "values": question.get("select_values", []),
    }


def _error(code: int, description: str) -> Response:
    """Return an error as GeoReport v2 defines it."""
    return responses.json_response([{"code": code, "description": description}], code)
