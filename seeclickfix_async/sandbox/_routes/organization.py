"""What the members of the city's organization see (observed), and do to service requests."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import ARCHIVED, CATEGORIES, CLOSED, City
from seeclickfix_async.sandbox._forms import FIRST_TYPE
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._listing import Listing, window
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._routes.open311 import ORGANIZATION_ID
from seeclickfix_async.sandbox._serializers import ORGANIZATION, Serializer
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import OFFICIAL

_NEXT = {
    "open": ("accepted", "closed"),
    "accepted": ("in_progress", "closed"),
    "in_progress": ("needs_review", "closed"),
    "needs_review": ("in_progress", "closed"),
    "closed": ("open",),
}
_QUERY = ("before", "after", "sort_direction", "sort", "service_request_status")


@attrs.define(eq=False)
class OrganizationRoutes:
    """Answers members; for all others there is nothing here."""

    city: City
    door: Gateway
    ledger: Overlay
    _listing: Listing = attrs.field(init=False)
    _statuses: dict[int, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._listing = Listing(self.city)

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        issues = "/organizations/{organization:int}/issues"
        return {
            ("GET", "/organizations"): self.organizations,
            ("GET", "/organizations/{organization:int}"): self.organization,
            ("GET", issues): self.issues,
            ("GET", f"{issues}/{{id:int}}"): self.issue,
            ("GET", f"{issues}/{{id:int}}/comments"): self.comments,
            ("POST", f"{issues}/{{id:int}}/service_requests/{{status}}"): self.move,
        }

    async def organizations(self, request: Request) -> Response:
        """`GET /organizations`: a bare list (documented until 2014)."""
        member = self.door.signed_in(request) == OFFICIAL
        return answers.fresh(request, [_organization(origin(request))] if member else [])

    async def organization(self, request: Request) -> Response:
        """`GET /organizations/:id`."""
        self._enter(request)
        return answers.fresh(request, _organization(origin(request)))

    async def issues(self, request: Request) -> Response:
        """`GET /organizations/:id/issues`."""
        self._enter(request)
        query = dict(request.query_params)
        rows = self._listing.select(query)
        wanted = query.get("service_request_status")
        if wanted:
            rows = [row for row in rows if self._status(row) in wanted.split(",")]
        page = window(rows, str(request.url.replace(query="")), query, most=100)
        items = [self._issue(request, row) for row in page.rows]
        body = answers.collection("issues", items, page.pagination)
        types = ",".join(str(FIRST_TYPE + number) for number in range(1, len(CATEGORIES)))
        body["metadata"]["query"] = {
            "request_types": types,
            **{name: query.get(name) for name in _QUERY},
        }
        return answers.fresh(request, body)

    async def issue(self, request: Request) -> Response:
        """`GET /organizations/:id/issues/:id`."""
        row = self._which(request)
        details = self._rows(request).details(row)
        details["comments"] = self._comments(request, row)
        return answers.fresh(request, {**details, **self._issue(request, row)})

    async def comments(self, request: Request) -> Response:
        """`GET /organizations/:id/issues/:id/comments`."""
        return answers.fresh(request, {"comments": self._comments(request, self._which(request))})

    async def move(self, request: Request) -> Response:
        """What a transition's link does (nobody was seen to follow one)."""
        row = self._which(request)
        await parse_body(request)
        status = request.path_params["status"]
        if status not in _NEXT[self._status(row)]:
            return answers.invalid({"errors": {"status": ["is not a status to go on to"]}})
        self._statuses[row] = status
        return answers.answer(self._issue(request, row), 201)

    def _enter(self, request: Request) -> None:
        """404 for who is no member (documented until 2014)."""
        user = self.door.signed_in(request)
        if user != OFFICIAL or request.path_params["organization"] != ORGANIZATION_ID:
            raise answers.Refused(answers.no_such_thing())

    def _which(self, request: Request) -> int:
        self._enter(request)
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            raise answers.Refused(answers.no_such_thing())
        return row

    def _status(self, row: int) -> str:
        done = self.city.status[row] in (CLOSED, ARCHIVED)
        return self._statuses.get(row, "closed" if done else "open")

    def _rows(self, request: Request) -> Serializer:
        return Serializer(self.city, origin(request), self.ledger, OFFICIAL)

    def _comments(self, request: Request, row: int) -> list[dict[str, Any]]:
        return [
            {**comment, "comment_type": "Issue Closed" if "closed" in comment["comment"] else None}
            for comment in self._rows(request).comments(row)
        ]

    def _issue(self, request: Request, row: int) -> dict[str, Any]:
        """An issue with what is private about it (observed keys)."""
        issue = self._rows(request).issue(row)
        number, status = issue["id"], self._status(row)
        here = f"{origin(request)}/api/v2/organizations/{ORGANIZATION_ID}/issues/{number}"
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
            "closing_questions_url": f"{here}/closing_questions",
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
                        "url": f"{here}/service_requests/{following}",
                        "assignable_roles": ["manager", "user"],
                    }
                    for following in _NEXT[status]
                ],
            },
            "internal_comments": [],
            "internal_comments_url": f"{here}/internal_comments",
            "agent": None,
            "duplicate_issues": [],
            "canonical_issue": None,
            "recategorize_url": f"{here}/recategorize",
            "assignment_url": f"{here}/assignment",
            "mark_as_duplicate_url": f"{here}/mark_as_duplicate",
            "integrations_url": None,
            "integration_categories_url": None,
        }


def _organization(here: str) -> dict[str, Any]:
    return {
        "id": ORGANIZATION_ID,
        "name": ORGANIZATION,
        "skus": ["r311"],
        "url": f"{here}/api/v2/organizations/{ORGANIZATION_ID}",
    }
