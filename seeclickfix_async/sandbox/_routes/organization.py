"""The issues and service requests of the city's organization, for its members (observed)."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._categories import CATEGORIES, FIRST_REQUEST_TYPE
from seeclickfix_async.sandbox._city import ARCHIVED, CLOSED, City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, find_row, origin
from seeclickfix_async.sandbox._listing import IssueSelector, paginate
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._serializers import ORGANIZATION, ORGANIZATION_ID, Serializer
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import OFFICIAL

_NEXT_STATUSES = {
    "open": ("accepted", "closed"),
    "accepted": ("in_progress", "closed"),
    "in_progress": ("needs_review", "closed"),
    "needs_review": ("in_progress", "closed"),
    "closed": ("open",),
}
_ECHOED_PARAMS = ("before", "after", "sort_direction", "sort", "service_request_status")


@attrs.define(eq=False)
class OrganizationRoutes:
    """The endpoints of an organization; other users get 404."""

    city: City
    gateway: Gateway
    overlay: Overlay
    _selector: IssueSelector = attrs.field(init=False)
    _statuses: dict[int, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._selector = IssueSelector(self.city, self.gateway.settings)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path."""
        issues = "/organizations/{organization:int}/issues"
        return {
            ("GET", "/organizations"): self.organizations,
            ("GET", "/organizations/{organization:int}"): self.organization,
            ("GET", issues): self.issues,
            ("GET", f"{issues}/{{id:int}}"): self.issue,
            ("GET", f"{issues}/{{id:int}}/comments"): self.comments,
            ("POST", f"{issues}/{{id:int}}/service_requests/{{status}}"): self.change_status,
        }

    async def organizations(self, request: Request) -> Response:
        """`GET /organizations`: a bare list (documented until 2014)."""
        member = self.gateway.require_user(request) == OFFICIAL
        return responses.cacheable(request, [_organization(origin(request))] if member else [])

    async def organization(self, request: Request) -> Response:
        """`GET /organizations/:id`."""
        self._require_member(request)
        return responses.cacheable(request, _organization(origin(request)))

    async def issues(self, request: Request) -> Response:
        """`GET /organizations/:id/issues`."""
        self._require_member(request)
        query = dict(request.query_params)
        rows = self._selector.select(query)
        statuses = query.get("service_request_status")
        if statuses:
            rows = [row for row in rows if self._status(row) in statuses.split(",")]
        page = paginate(rows, request.url, query)
        items = [self._issue(request, row) for row in page.rows]
        body = responses.collection("issues", items, page.pagination)
        types = ",".join(str(FIRST_REQUEST_TYPE + number) for number in range(1, len(CATEGORIES)))
        body["metadata"]["query"] = {
            "request_types": types,
            **{name: query.get(name) for name in _ECHOED_PARAMS},
        }
        return responses.cacheable(request, body)

    async def issue(self, request: Request) -> Response:
        """`GET /organizations/:id/issues/:id`."""
        row = self._find_row(request)
        details = self._serializer(request).details(row)
        details["comments"] = self._comments(request, row)
        return responses.cacheable(request, {**details, **self._issue(request, row)})

    async def comments(self, request: Request) -> Response:
        """`GET /organizations/:id/issues/:id/comments`."""
        return responses.cacheable(
            request, {"comments": self._comments(request, self._find_row(request))}
        )

    async def change_status(self, request: Request) -> Response:
        """`POST` to the link of a transition (guessed: never observed)."""
        row = self._find_row(request)
        await parse_body(request)
        status = request.path_params["status"]
        if status not in _NEXT_STATUSES[self._status(row)]:
            return responses.invalid({"errors": {"status": ["is not a status to go on to"]}})
        self._statuses[row] = status
        return responses.json_response(self._issue(request, row), 201)

    def _require_member(self, request: Request) -> None:
        """Raise `RefusedError` with 404 for a user who is not a member (documented until 2014)."""
        user = self.gateway.require_user(request)
        if user != OFFICIAL or request.path_params["organization"] != ORGANIZATION_ID:
            raise responses.RefusedError(responses.not_found())

    def _find_row(self, request: Request) -> int:
        self._require_member(request)
        return find_row(self.city, request)

    def _status(self, row: int) -> str:
        done = self.city.status[row] in (CLOSED, ARCHIVED)
        return self._statuses.get(row, "closed" if done else "open")

    def _serializer(self, request: Request) -> Serializer:
        return Serializer(self.city, origin(request), self.overlay, OFFICIAL)

    def _comments(self, request: Request, row: int) -> list[dict[str, Any]]:
        return [
            {**comment, "comment_type": "Issue Closed" if "closed" in comment["comment"] else None}
            for comment in self._serializer(request).comments(row)
        ]

    def _issue(self, request: Request, row: int) -> dict[str, Any]:
        """Return an issue with its private keys (observed)."""
        issue = self._serializer(request).issue(row)
        number, status = issue["id"], self._status(row)
        url = f"{origin(request)}/api/v2/organizations/{ORGANIZATION_ID}/issues/{number}"
        opened = issue["created_at"]
        private = {
            "phone": "555-0100",
            "full_name": "Mary Example",
            "title": None,
            "email": "mary@b.example",
        }
        return {
            **issue,
            "reporter": {**issue["reporter"], **private},
            "is_private": number % 5 == 0,
            "visibility": "",
            "report_method": "phone" if number % 2 else "other",
            "sla_expires_at": format_timestamp(self.city.created[row] + 864_000),
            "due_at": None,
            "priority": {"code": 2, "label": "Medium"},
            "closing_questions_url": f"{url}/closing_questions",
            "closing_questions_pending": False,
            "active_service_request": {
                "status": status,
                "created_at": opened,
                "last_assigned_at": None,
                "assignee": None,
                "priority": {"code": 2, "label": "Medium"},
                "transitions": [
                    {
                        "resulting_status": following,
                        "url": f"{url}/service_requests/{following}",
                        "assignable_roles": ["manager", "user"],
                    }
                    for following in _NEXT_STATUSES[status]
                ],
            },
            "internal_comments": [],
            "internal_comments_url": f"{url}/internal_comments",
            "agent": None,
            "duplicate_issues": [],
            "canonical_issue": None,
            "recategorize_url": f"{url}/recategorize",
            "assignment_url": f"{url}/assignment",
            "mark_as_duplicate_url": f"{url}/mark_as_duplicate",
            "integrations_url": None,
            "integration_categories_url": None,
        }


def _organization(url: str) -> dict[str, Any]:
    return {
        "id": ORGANIZATION_ID,
        "name": ORGANIZATION,
        "skus": ["r311"],
        "url": f"{url}/api/v2/organizations/{ORGANIZATION_ID}",
    }
