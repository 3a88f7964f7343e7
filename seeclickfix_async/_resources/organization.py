"""Organizations, and the API for their members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex, Unpack

import attrs

from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.query import IssueFilters, IssueQuery
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._core.response import Response
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
    """`client.organizations`, for members. Source: documented until 2014."""

    _api: Requestor = attrs.field(repr=False)

    async def list(self) -> tuple[Organization, ...]:
        """List the organizations that the signed-in user belongs to."""
        return await self._api.get_items(CollectionRoute(Organization, "", "/organizations"))

    async def get(self, id: Id) -> Organization:
        """Return an organization.

        Raises:
            NotFoundError: There is no such organization, or the account is not a member.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(Organization, "/organizations/{id}", id=number)


@attrs.frozen
class OrganizationApi:
    """The API for members of an organization: issues with their private data.

    `client.organization(id)` returns it. For other accounts, every call raises
    PermissionDeniedError or NotFoundError. Personal data is omitted from reprs, logs and errors.
    Source: responses observed from 2017 to 2020.

    Attributes:
        id: The id of the organization's account, which is not the id of a place.
    """

    _api: Requestor = attrs.field(repr=False)
    id: int = attrs.field()

    def list(
        self,
        *,
        service_request_status: Iterable[str] | None = None,
        details: bool = False,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[OrganizationIssue]:
        """List the organization's issues: `await` for one page, `async for` for all of them.

        `page.response.json()["metadata"]["query"]` contains the ids of all its request types.

        Args:
            service_request_status: Some of open, accepted, in_progress, needs_review and closed.
            details: Include comments, questions and votes.
            page: The first page, from 1.
            per_page: Issues per page.
            **filters: See `IssueFilters`.

        Raises:
            InvalidArgumentError: Arguments are invalid or contradict each other.
        """
        query = IssueQuery.from_filters(filters, details=details, per_page=per_page)
        params = [*query.params(), *_statuses(service_request_status)]
        route = CollectionRoute(
            OrganizationIssue, "issues", _ISSUES, params, {"organization": self.id}
        )
        return self._api.pager(route, page)

    async def get(self, id: Id) -> OrganizationIssue:
        """Return an issue, with details.

        Raises:
            NotFoundError: There is no such issue in this organization.
        """
        return await self._api.get_object(
            OrganizationIssue,
            _ISSUE,
            params=[("details", "true")],
            organization=self.id,
            id=validation.positive_id("id", id),
        )

    async def comments(self, id: Id) -> tuple[OrganizationComment, ...]:
        """List the comments of an issue, each with its `comment_type`.

        Raises:
            NotFoundError: There is no such issue in this organization.
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
        """Move a service request to another status, by a link of the service.

        The links were observed, but following them was not: the method (POST) is inferred.

        Args:
            transition: One of `issue.active_service_request.transitions`.
            **fields: Fields of the JSON body, such as `comment` or `assignee_id`.

        Returns:
            The undecoded response.

        Raises:
            InvalidArgumentError: The transition has no link.
            AnswerLostError: The service may have executed it: check before you write again.
        """
        if not isinstance(transition, Transition) or not transition.url:
            raise InvalidArgumentError("transition", "must be a Transition with a `url`.")
        return await self.follow(transition.url, **fields)

    async def follow(self, url: str, **fields: Any) -> Response:
        """Send a POST to a link of an issue, such as `assignment_url` or `recategorize_url`.

        Args:
            url: The link. Its path is requested from this client's own site: the service returns
                links to another host, which its staff uses (observed).
            **fields: Fields of the JSON body.

        Returns:
            The undecoded response.

        Raises:
            InvalidArgumentError: It is not a link to the API of an organization.
            AnswerLostError: The service may have executed it: check before you write again.
        """
        return await self._api.follow("POST", url, "/organizations/", fields)


def _statuses(value: Iterable[str] | None) -> list[tuple[str, str]]:
    known = {status.value: status.value for status in ServiceRequestStatus}
    statuses = validation.non_empty_tuple(
        "service_request_status", value, f"some of {', '.join(known)}", known.get
    )
    return [] if statuses is None else [("service_request_status", ",".join(statuses))]
