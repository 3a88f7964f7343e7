"""`scf form` and `scf questions`."""

from __future__ import annotations

from rich.table import Table

from seeclickfix_async._cli.app import OK, Json, Site
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import out, print_json_lines
from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._request_type import RequestTypeId


async def form(
    lat: float, lng: float, /, *, base_url: Site = PRODUCTION, json: Json = False
) -> int:
    """List the request types that are available at a point.

    Args:
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        base_url: The service's address.
        json: Print one request type per line as JSON.
    """
    async with make_client(base_url) as client:
        options = await client.report_form(lat=lat, lng=lng)
    if json:
        print_json_lines(options)
        return OK
    table = Table("Type", "Title", "Organization", box=None)
    for option in options:
        table.add_row(str(option.key), option.title or "", option.organization or "")
    out.print(table)
    return OK


async def questions(type: str, /, *, base_url: Site = PRODUCTION, json: Json = False) -> int:
    """List the questions of a request type.

    Args:
        type: The id of a request type, or "other"; `scf form` lists them.
        base_url: The service's address.
        json: Print one question per line as JSON.
    """
    async with make_client(base_url) as client:
        found = (await client.request_types.get(parse_type(type))).questions or ()
    if json:
        print_json_lines(found)
        return OK
    table = Table("Key", "Question", "Type", "", "Choices", box=None)
    for question in found:
        choices = ", ".join(choice.key or "" for choice in question.select_values or ())
        required = "required" if question.response_required else ""
        key, kind = question.primary_key or "", str(question.question_type)
        table.add_row(key, question.words, kind, required, choices)
    out.print(table)
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
        raise InvalidArgumentError("type", 'must be a number, or "other"; `scf form` lists them.')
    return number
