"""From a successful response to models: objects, pages, and the results of writes.

Errors have no frames of this module: they contain the body, which may repeat the token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import attrs

from seeclickfix_async._api import decoding
from seeclickfix_async._api.page import Identified, Page
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.status_errors import foreign_redirect_error, refuse_listed_errors
from seeclickfix_async.errors import AnswerLostError, DecodeError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Moderated
from seeclickfix_async.models._returned import ReturnedT, with_response

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
RowT = TypeVar("RowT", bound=Identified)

_logger = logging.getLogger("seeclickfix_async")


@hide_arguments
def read_object(response: Response, model: type[ReturnedT], *, first: bool = False) -> ReturnedT:
    """Return the object in a response.

    Args:
        response: The response.
        model: The class of the object.
        first: True if the response may also be a list, whose first object is returned.

    Raises:
        DecodeError: The response is not JSON, or not such an object.
        ForeignRedirectError: The same, for a response of another origin.
        ValidationError: The response lists errors.
    """
    if b'"errors"' in response.content:
        _refuse_errors(response, _decode(Response.json, response))
    decode = decoding.decode_first if first else decoding.decode_object
    return with_response(_decode(decode, response, model), response)


@hide_arguments
def read_page(
    response: Response,
    model: type[RowT],
    key: str,
    number: int = 1,
    *,
    hook: EventHook | None = None,
) -> Page[RowT]:
    """Return the page in a response.

    Args:
        response: The response.
        model: The class of its rows.
        key: The name of the list in the response; empty if the response is the list itself.
        number: The number of the page, for a response without it.
        hook: Receives an event for each row that cannot be read.

    Raises:
        DecodeError: The response is not JSON, or does not contain such a list.
        ForeignRedirectError: The same, for a response of another origin.
        ValidationError: The response lists errors.
    """
    rows = _decode(decoding.decode_rows, response, key, model)
    refuse_listed_errors(response, rows.errors)
    report_rejected(response, rows.rejected, hook)
    pagination = rows.pagination  # without values for a collection that has no pages
    number = pagination.page or number
    return Page(
        items=rows.items,
        page=number,
        per_page=_count(pagination.per_page),
        pages=_count(pagination.pages),
        entries=_count(pagination.entries),
        next_page=pagination.next_page,
        rejected=tuple(attrs.evolve(row, page=number) for row in rows.rejected),
        response=response,
        key=key,
    )


def report_rejected(
    response: Response, rows: Sequence[decoding.Rejected], hook: EventHook | None
) -> None:
    """Report rows that cannot be read, in the log and as events."""
    if not rows:
        return
    _logger.warning(
        "%s: %s cannot be read; the first is at %s",
        response.route,
        counted(len(rows), "row"),
        rows[0].path,
    )
    if hook is not None:
        hook.rejected(response, rows)


def _count(number: int | None) -> int | None:
    """Return a count, or None for one that the service must have got wrong."""
    return None if number is None or number < 0 else number


@hide_arguments
def check_written(response: Response) -> Response:
    """Return the response to a write, unless it lists errors or is not JSON.

    Raises:
        AnswerLostError: It is not JSON, such as the page of a proxy.
        ValidationError: It lists errors.
    """
    if response.content:
        try:
            body = response.json()
        except DecodeError as error:
            raise _answer_lost(response, error) from error
        _refuse_errors(response, body)
    return response


@hide_arguments
def read_written(response: Response, model: type[ReturnedT], *, first: bool = False) -> ReturnedT:
    """Return the object in a response to a write that `check_written` has checked.

    Raises:
        AnswerLostError: It cannot be read. The object was written: do not send it again.
    """
    try:
        decode = decoding.decode_first if first else decoding.decode_object
        return with_response(decode(response, model), response)
    except DecodeError as error:
        raise _answer_lost(response, error) from error


def read_written_or_moderated(response: Response, model: type[ReturnedT]) -> ReturnedT | Moderated:
    """Return the object that was written, or `Moderated` for a 202 without one (documented).

    Raises:
        AnswerLostError: As for `read_written()`.
    """
    if response.status == 202:
        return with_response(Moderated(), response)
    return read_written(response, model)


def _decode(decode: Callable[[Response, *Ts], T], response: Response, *args: *Ts) -> T:
    """Decode a response; if it cannot be read and is of another origin, raise that as the error."""
    try:
        return decode(response, *args)
    except DecodeError as error:
        if response.is_foreign:
            foreign = foreign_redirect_error(response.url, response.route, response.secrets)
            raise response.identify(foreign) from error
        raise


def _refuse_errors(response: Response, body: object) -> None:
    if isinstance(body, dict):
        refuse_listed_errors(response, body.get("errors"))


def _answer_lost(response: Response, error: DecodeError) -> AnswerLostError:
    at_path = f" at {error.path}" if error.path else ""
    lost = AnswerLostError(
        f"The response has a success status and cannot be read{at_path}: the service has probably "
        "executed the request.",
        advice="Before you write again, check whether it did.",
        route=response.route,
    )
    return response.identify(lost)
