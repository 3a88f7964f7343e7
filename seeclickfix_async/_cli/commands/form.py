"""`scf form` and `scf questions`."""

from __future__ import annotations

from seeclickfix_async import Question, RequestTypeOption
from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.options import ROWS, SITE, RowOptions, SiteOptions
from seeclickfix_async._cli.rows import Layout, RowWriter, flat_layout
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._request_type import RequestTypeId


def _choices(question: Question) -> str:
    return ", ".join(choice.key or "" for choice in question.select_values or ())


_REQUEST_TYPES: Layout[RequestTypeOption] = flat_layout(
    {
        "Type": lambda option: option.key,
        "Title": lambda option: option.title,
        "Organization": lambda option: option.organization,
    },
    {
        "id": lambda option: option.key,
        "title": lambda option: option.title,
        "organization": lambda option: option.organization,
        "url": lambda option: option.url,
    },
)
_QUESTIONS: Layout[Question] = flat_layout(
    {
        "Key": lambda question: question.primary_key,
        "Question": lambda question: question.words,
        "Type": lambda question: question.question_type,
        "": lambda question: "required" if question.response_required else "",
        "Choices": _choices,
    },
    {
        "primary_key": lambda question: question.primary_key,
        "question": lambda question: question.words,
        "question_type": lambda question: question.question_type,
        "response_required": lambda question: question.response_required,
        "select_values": _choices,
    },
)


async def form(
    lat: float, lng: float, /, *, rows: RowOptions = ROWS, options: SiteOptions = SITE
) -> int:
    """List the request types that are available at a point.

    Args:
        lat: Latitude in degrees.
        lng: Longitude in degrees.
    """
    with RowWriter(_REQUEST_TYPES, rows) as writer:
        async with make_client(options) as client:
            writer.write(await client.report_form(lat=lat, lng=lng))
    return OK


async def questions(type: str, /, *, rows: RowOptions = ROWS, options: SiteOptions = SITE) -> int:
    """List the questions of a request type.

    Args:
        type: The id of a request type, or "other"; `scf form LAT LNG` lists them.
    """
    with RowWriter(_QUESTIONS, rows) as writer:
        async with make_client(options) as client:
            found = await client.request_types.get(parse_type(type))
        writer.write(found.questions or ())
    return OK


def parse_type(type: str) -> RequestTypeId:
    """Return the id of a request type, or `other`.

    Raises:
        InvalidArgumentError: It is neither.
    """
    if type == "other":
        return "other"
    number = validation.parse_identifier(type)
    if number is None:
        raise InvalidArgumentError(
            "type", 'must be a number, or "other"; scf form LAT LNG lists them.'
        )
    return number
