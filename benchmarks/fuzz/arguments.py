"""Parsers of arguments: of queries, reports and commands, of photos, cells and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from cyclopts import CycloptsError

from seeclickfix_async import BoundingBox, PlaceArea, WatchArea, near
from seeclickfix_async._api.query import IssueQuery, encode
from seeclickfix_async._cli.app import app
from seeclickfix_async._cli.options import QueryOptions
from seeclickfix_async._core import image, photo_location
from seeclickfix_async._tables.excel import escape_formula, unescape_formula
from seeclickfix_async._transport import environment
from seeclickfix_async._transport.httpx_compat import default_client
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.models import Choice, Question, QuestionType, RequestType

_VARIABLES = ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR")
_QUESTIONS = tuple(
    Question(
        primary_key=kind.value,
        question=kind.value,
        question_type=kind,
        select_values=(Choice("fist", "Fist"), Choice("wheel", "Wheel")),
    )
    for kind in (*QuestionType, QuestionType("sketch"))
)


def parse_answers(content: bytes) -> None:
    """Validate the answers of a report, in a form with every type of question."""
    try:
        answers = json.loads(content)
    except (ValueError, RecursionError):
        return
    if isinstance(answers, dict):
        form = RequestType(id=1, questions=_QUESTIONS)
        draft = form.draft(lat=41.0, lng=-73.5, address="1 Main St", answers=answers)
        assert msgspec.json.encode(draft.body())


def parse_query(content: bytes) -> None:
    """Make a query of each argument, of the lines in their order."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    numbers = [_number(line) for line in lines]
    numbers += [0.0] * 4
    point, radius = numbers[:2], numbers[2]
    makers: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"area": PlaceArea(lines[0]), "search": lines[-1]},
        lambda: {"area": WatchArea(lines[0])},
        lambda: {"area": near(point[0], point[1], radius)},
        lambda: {"area": BoundingBox(*numbers[:4])},
        lambda: {"status": lines[0], "fields": lines},
        lambda: {"assigned": lines, "sort": lines[0]},
        lambda: {"after": datetime.fromisoformat(lines[0])},
        lambda: {"lat": numbers[0], "lng": numbers[1], "sort": "distance"},
    )
    for make in makers:
        with suppress(SeeClickFixError, ValueError):
            arguments = make()
            with suppress(SeeClickFixError):
                assert encode(IssueQuery(**arguments).params()).isascii()


def _number(line: str) -> float:
    try:
        return float(line)
    except ValueError:
        return 0.0


def parse_command_line(content: bytes) -> None:
    """Parse a command line of one argument in a line, and its area."""
    tokens = content.decode("utf-8", "surrogateescape").split("\n")
    try:
        _, bound, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    except CycloptsError:
        return
    query = bound.arguments.get("query")
    if isinstance(query, QueryOptions):
        with suppress(SeeClickFixError):
            query.filters()


def read_environment(content: bytes) -> None:
    """Make an HTTP client with variables of three lines."""
    values = os.fsdecode(content.replace(b"\0", b"")).split("\n")
    before = {name: os.environ.pop(name, None) for name in _VARIABLES}
    try:
        os.environ.update(zip(_VARIABLES, values, strict=False))
        with suppress(SeeClickFixError):
            default_client({})
        assert environment.describe_proxy("proxy.example", 3128).startswith("proxy.example:3128")
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def detect_photo(content: bytes) -> None:
    """Detect the kind of a photo by its first bytes."""
    suffix = image.detect_suffix(content[: image.HEAD])
    assert suffix is None or suffix.startswith(".")
    image.check(content)


def remove_photo_location(content: bytes) -> None:
    """Remove the location from a photo, twice."""
    with suppress(ValueError, IndexError, OverflowError):
        cleaned = photo_location.remove_location(content)
        assert photo_location.remove_location(cleaned) == cleaned


def restore_cell(content: bytes) -> None:
    """Make a cell safe for spreadsheet programs, and unescape_formula it."""
    cell = content.decode("utf-8", "surrogateescape")
    safe = escape_formula(cell)
    assert not safe.startswith(("=", "+", "-", "@"))
    assert unescape_formula(safe) == cell
    unescape_formula(cell)
