"""Results of a report or a comment."""

from __future__ import annotations

from typing import Literal

import attrs

from seeclickfix_async.models._issue import Issue
from seeclickfix_async.models._returned import Returned


@attrs.frozen
class Created(Returned):
    """A report that was published as an issue.

    Attributes:
        issue: The issue.
        url: Its web page (documented).
        outcome: Always `created`, which distinguishes it from `Moderated` in JSON.
    """

    issue: Issue
    url: str | None = None
    outcome: Literal["created"] = attrs.field(default="created", kw_only=True, repr=False)


@attrs.frozen
class Moderated(Returned):
    """A report or comment that was accepted and awaits moderation (documented: status 202).

    It has no id and cannot be read yet. Sending it again would create a duplicate.

    Attributes:
        outcome: Always `moderated`, which distinguishes it from `Created` and comments in JSON.
    """

    outcome: Literal["moderated"] = attrs.field(default="moderated", kw_only=True, repr=False)
