"""What the members of an organization see and do, and the organizations themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import attrs

from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.query import IssueFilters, IssueQuery
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import (
    Organization,
    OrganizationComment,
    OrganizationIssue,
    ServiceRequestStatus,
    Transition,
)

_ISSUES = "/organizations/{organization}/issues"
_ISSUE = _ISSUES + "/{id}"


@attrs.frozen
class Organizations:
    """`client.organizations`. Source: documented until 2014; for members."""

    _api: Requestor = attrs.field(repr=False)

    async def list(self) -> tuple[Organization, ...]:
        """The organizations that the signed-in user belongs to."""
        return await self._api.get_items(CollectionRoute(Organization, "", "/organizations"))

    async def get(self, id: int) -> Organization:
        """One organization.

        Raises:
            NotFoundError: There is none of this id, or this account is no member.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(Organization, "/organizations/{id}", id=number)


@attrs.frozen
class OrganizationApi:
    """What `client.organization(id)` gives: issues with what is private about them.

    For members: others get PermissionDeniedError or NotFoundError from every call. Personal data
    stays out of reprs, logs and errors. Source: observed answers of 2017 to 2020.

    Attributes:
        id: The account's id, which is not the id of a place.
    """

    _api: Requestor = attrs.field(repr=False)
    id: int = attrs.field()

    def list(
        self,
        *,
        service_request_status: Iterable[str] | None = None,
        details: bool = False,
        page: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[OrganizationIssue]:
        """List the organization's issues: `await` for one page, `async for` for all of them.

        `page.response.json()["metadata"]["query"]` has the ids of all its request types.

        Args:
            service_request_status: Some of open, accepted, in_progress, needs_review and closed.
            details: Bring comments, questions and votes too.
            page: The page to begin with, from 1.
            per_page: Issues on a page.
            **filters: Which issues; see `IssueFilters`.

        Raises:
            InvalidArgumentError: The arguments are wrong or contradict each other.
        """
        query = IssueQuery.of(filters, details=details, per_page=per_page)
        params = [*query.params(), *_statuses(service_request_status)]
        route = CollectionRoute(
            OrganizationIssue, "issues", _ISSUES, params, {"organization": self.id}
        )
        return self._api.pager(route, page)

    async def get(self, id: int) -> OrganizationIssue:
        """One issue, with details.

        Raises:
            NotFoundError: There is none of this id in this organization.
        """
        return await self._api.get_object(
            OrganizationIssue,
            _ISSUE,
            params=[("details", "true")],
            organization=self.id,
            id=validation.positive_id("id", id),
        )

    async def comments(self, id: int) -> tuple[OrganizationComment, ...]:
        """An issue's comments, each with its `comment_type`.

        Raises:
            NotFoundError: There is none of this id in this organization.
        """
        number = validation.positive_id("id", id)
        route = CollectionRoute(
            OrganizationComment,
            "comments",
            f"{_ISSUE}/comments",
            path={"organization": self.id, "id": number},
        )
        return await self._api.get_items(route)

    async def move(self, transition: Transition, **fields: Any) -> Response:
        """Bring a service request to another status, by the link that the service gave for it.

        The links were observed, and following them was not: the method (POST) is inferred.

        Args:
            transition: One of `issue.active_service_request.transitions`.
            **fields: What goes with it, such as `comment` or `assignee_id`, as JSON.

        Returns:
            The answer as it came.

        Raises:
            InvalidArgumentError: The transition has no link.
            AnswerLostError: It may have been carried out; read before you try again.
        """
        if not isinstance(transition, Transition) or not transition.url:
            raise InvalidArgumentError(
                "transition", "must be one that the service gave a link for."
            )
        return await self.follow(transition.url, **fields)

    async def follow(self, url: str, **fields: Any) -> Response:
        """Do what a link of an issue is for, such as `assignment_url` or `recategorize_url`.

        Args:
            url: The link. It is followed on this client's own site, wherever it points to: the
                service gives links to the host that its staff uses (observed).
            **fields: What goes with it, as JSON.

        Returns:
            The answer as it came.

        Raises:
            InvalidArgumentError: It is no link to an organization's API.
            AnswerLostError: It may have been carried out; read before you try again.
        """
        return await self._api.follow("POST", url, "/organizations/", fields)


def _statuses(value: Iterable[str] | None) -> list[tuple[str, str]]:
    known = [status.value for status in ServiceRequestStatus]
    chosen = validation.non_empty_tuple(
        "service_request_status", value, f"some of {', '.join(known)}", known.__contains__
    )
    return [] if chosen is None else [("service_request_status", ",".join(chosen))]
