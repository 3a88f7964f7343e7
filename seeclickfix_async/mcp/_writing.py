"""The tools that write, for servers that allow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import attrs
from pydantic import Field

from seeclickfix_async.mcp._budget import Budget
from seeclickfix_async.mcp._reading import IssueId
from seeclickfix_async.mcp._results import RequestForm, Written
from seeclickfix_async.mcp._views import show_form
from seeclickfix_async.models import Moderated

ReportTypeId = Annotated[
    int | Literal["other"], Field(description="The id of a request type; see list_request_types.")
]


@attrs.frozen
class Writing:
    """The tools that write, and what is needed for them, on a client.

    Attributes:
        begin: Begins a call, and returns its budget.
    """

    begin: Callable[[], Budget]

    async def show_request_form(self, request_type_id: ReportTypeId) -> RequestForm:
        """Show the questions of a request type, for report_issue."""
        request_type = await self.begin().client.request_types.get(request_type_id)
        return show_form(request_type)

    async def report_issue(
        self,
        *,
        request_type_id: ReportTypeId,
        lat: Annotated[float, Field(description="Latitude of the problem in degrees.")],
        lng: Annotated[float, Field(description="Longitude of the problem in degrees.")],
        address: Annotated[str, Field(description="The street address of the problem.")],
        answers: Annotated[
            dict[str, str | bool | int | float | list[str]],
            Field(description="The values by the keys of show_request_form."),
        ],
        hide_reporter: Annotated[
            bool, Field(description="Hide the name of the reporter from the public.")
        ] = False,
    ) -> Written:
        """Report a problem to the city, in public. Only if the person has agreed to these words."""
        budget = self.begin()
        request_type = await budget.client.request_types.get(request_type_id)
        draft = request_type.draft(
            lat=lat, lng=lng, address=address, answers=answers, anonymize_reporter=hide_reporter
        )
        outcome = await budget.client.issues.create(draft)
        if isinstance(outcome, Moderated):
            return Written(outcome="awaiting moderation", issue_id=None)
        return Written(
            outcome="published",
            issue_id=outcome.issue.id,
            url=outcome.url or outcome.issue.html_url,
        )

    async def comment_on_issue(
        self, id: IssueId, comment: Annotated[str, Field(description="The comment.")]
    ) -> Written:
        """Comment on an issue, in public. Only if the person has agreed to these words."""
        outcome = await self.begin().client.issues.comment(id, comment)
        is_moderated = isinstance(outcome, Moderated)
        return Written(outcome="awaiting moderation" if is_moderated else "published", issue_id=id)
