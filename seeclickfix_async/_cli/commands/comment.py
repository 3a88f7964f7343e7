"""`scf comment` and `scf close`."""

from __future__ import annotations

from pathlib import Path

from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.messages import print_moderated
from seeclickfix_async._cli.options import SITE, Flag, SiteOptions
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import out, print_json
from seeclickfix_async.errors import ValidationError
from seeclickfix_async.models import Comment, Moderated

_FINAL = (
    "scf show {} prints its status. An archived issue stays as it is: if the problem is still "
    "there, use scf report."
)


async def comment(
    id: int,
    comment: str,
    /,
    *,
    image: Path | None = None,
    json: Flag = False,
    options: SiteOptions = SITE,
) -> int:
    """Comment on an issue.

    Args:
        id: The issue's number.
        comment: The comment.
        image: A photo: png, jpeg or gif up to 20 MB. Other formats are converted with the extra
            `photos`.
        json: Print the comment as JSON.
    """
    async with make_client(options) as client:
        outcome = await client.issues.comment(id, comment, image=image)
    return _print_outcome(outcome, f"Commented on #{id}.", json=json)


async def close(
    id: int,
    comment: str,
    /,
    *,
    image: Path | None = None,
    json: Flag = False,
    options: SiteOptions = SITE,
) -> int:
    """Close an issue with a comment.

    Args:
        id: The issue's number.
        comment: The comment, with the reason.
        image: A photo: png, jpeg or gif up to 20 MB. Other formats are converted with the extra
            `photos`.
        json: Print the comment as JSON.
    """
    async with make_client(options) as client:
        try:
            outcome = await client.issues.close(id, comment, image=image)
        except ValidationError as error:
            if "status" in error.errors:
                error.advice = _FINAL.format(id)
            raise
    return _print_outcome(outcome, f"Closed #{id}.", json=json)


def _print_outcome(outcome: Comment | Moderated, message: str, *, json: bool) -> int:
    if isinstance(outcome, Moderated):
        print_moderated(json=json)
    elif json:
        print_json(outcome)
    else:
        out.print(message)
    return OK
