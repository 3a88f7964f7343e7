"""From a response of unknown form to a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from seeclickfix_async._api.decoding import Rejected
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.reading import report_rejected
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.validation import to_identifier
from seeclickfix_async._transport.status_errors import refuse_listed_errors
from seeclickfix_async.models._unverified import Unverified

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook

UnverifiedT = TypeVar("UnverifiedT", bound=Unverified)


@hide_arguments  # the body may repeat the token
def read_unverified_page(
    response: Response,
    model: type[UnverifiedT],
    key: str,
    number: int = 1,
    *,
    hook: EventHook | None = None,
) -> Page[UnverifiedT]:
    """Return the page in a response that is a list, or an object with one.

    Args:
        response: The response.
        model: The class of the rows.
        key: The name of the list, as in API v2; in JSON:API it is `data`.
        number: The number of the page.
        hook: Receives an event for each row that cannot be read.

    Raises:
        DecodeError: The response is not JSON, or contains no such list.
        ValidationError: It lists errors.
    """
    body = response.json()
    members: dict[str, Any] = body if isinstance(body, dict) else {"": body}
    refuse_listed_errors(response, members.get("errors"))
    found = next((name for name in ("", key, "data") if isinstance(members.get(name), list)), None)
    if found is None:
        raise response.decode_error("It contains no list.", key)
    items: list[UnverifiedT] = []
    rejected: list[Rejected] = []
    for index, row in enumerate(members[found]):
        if isinstance(row, dict):
            items.append(model(_identifier(row.get("id")), row))
        else:
            raw = msgspec.json.encode(row)
            rejected.append(Rejected(index, f"{found}[{index}]", "Expected `object`.", raw, number))
    report_rejected(response, rejected, hook)
    return Page(
        items=tuple(items),
        page=number,
        per_page=None,
        pages=None,
        entries=None,
        next_page=_next_page(members.get("metadata"), number),
        rejected=tuple(rejected),
        response=response,
        key=found,
    )


def _identifier(value: Any) -> int | str | None:
    return value if isinstance(value, str) else to_identifier(value)


def _next_page(metadata: Any, number: int) -> int | None:
    """Return the number of the next page, from metadata as in API v2."""
    pagination = metadata.get("pagination") if isinstance(metadata, dict) else None
    if not isinstance(pagination, dict):
        return None
    following = to_identifier(pagination.get("next_page"))
    return following if following is not None and following > number else None
