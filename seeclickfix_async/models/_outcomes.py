"""Results of a report or a comment."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._issue import Issue
from seeclickfix_async.models._model import Model


@attrs.frozen
class Created(Model):
    """A report that was published as an issue.

    Attributes:
        issue: The issue.
        url: Its web page (documented).
    """

    issue: Issue
    url: str | None = None


@attrs.frozen
class Moderated(Model):
    """A report or comment that was accepted and awaits moderation (documented: status 202).

    It has no id and cannot be read yet. Sending it again would create a duplicate.
    """
