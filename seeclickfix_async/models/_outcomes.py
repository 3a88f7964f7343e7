"""What became of something that was written."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._issue import Issue


@attrs.frozen
class Created:
    """A report became an issue.

    Attributes:
        issue: The issue.
        url: Its page for people (documented).
    """

    issue: Issue
    url: str | None = None


@attrs.frozen
class Moderated:
    """It was taken and is held back until somebody at the service has read it (documented: 202).

    There is nothing to read yet, and no id; writing it again would only add another one.
    """
