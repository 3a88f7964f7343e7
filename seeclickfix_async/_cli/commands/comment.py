"""`scf comment` and `scf close`."""

from __future__ import annotations

from pathlib import Path

from seeclickfix_async._cli.app import OK, Json, Site, out, print_json
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async.models import Comment, Moderated


async def comment(
    id: int,
    text: str,
    /,
    *,
    image: Path | None = None,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Comment on an issue.

    Args:
        id: The issue's number.
        text: What to say.
        image: A photo: png, jpeg or gif up to 20 MB.
        base_url: The service's address.
        json: Print the comment as JSON.
    """
    async with make_client(base_url) as client:
        written = await client.issues.comment(id, text, image=image)
    return _tell(written, f"Commented on #{id}.", json=json)


async def close(
    id: int,
    text: str,
    /,
    *,
    image: Path | None = None,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Close an issue, and say why.

    Args:
        id: The issue's number.
        text: Why.
        image: A photo: png, jpeg or gif up to 20 MB.
        base_url: The service's address.
        json: Print the comment as JSON.
    """
    async with make_client(base_url) as client:
        written = await client.issues.close(id, text, image=image)
    return _tell(written, f"Closed #{id}.", json=json)


def _tell(written: Comment | Moderated, done: str, *, json: bool) -> int:
    moderated = isinstance(written, Moderated)
    if json:
        print_json({"moderated": True} if moderated else written)
    else:
        out.print("Taken, and held until a moderator has read it." if moderated else done)
    return OK
