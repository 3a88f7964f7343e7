"""A page of results."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, SupportsIndex, TypeVar

import attrs
import msgspec

from seeclickfix_async._api.decoding import Rejected, decode_plain
from seeclickfix_async._core.response import Response
from seeclickfix_async.errors import DecodeError, InvalidArgumentError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Issue
from seeclickfix_async.models._model import Model, convert, parse_json

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Identified(Protocol):
    """An object with an id."""

    @property
    def id(self) -> int | str | None:
        """The id that the service assigned; None if it is unknown."""
        ...


T = TypeVar("T", bound=Identified)
T_co = TypeVar("T_co", bound=Identified, covariant=True)

ITEMS = "items"
NUMBERS = ("page", "per_page", "pages", "entries", "next_page")
"""The names of a page's numbers; only the first is always known."""


@attrs.frozen
class Page(Generic[T_co]):
    """A page of results.

    `Page[Issue]` is a type for pydantic and FastAPI, as `Page` of any other model. In JSON, a page
    has the attributes that its repr shows. Pages with equal items, numbers and rejected rows are
    equal.

    Attributes:
        items: The readable rows.
        page: The number of this page, from 1.
        per_page: The size of a full page. The service may grant less than was requested.
        pages: The number of pages that the service announces; it may serve fewer.
        entries: The number of rows that the service announces, on all pages.
        next_page: The number of the next page; None on the last one.
        rejected: The rows that could not be read, with their bytes.
        response: The undecoded response.
        key: The name of the list in the response.
    """

    items: tuple[T_co, ...]
    page: int
    per_page: int | None
    pages: int | None
    entries: int | None
    next_page: int | None
    rejected: tuple[Rejected, ...] = attrs.field(repr=False)
    response: Response = attrs.field(repr=False, eq=False)
    key: str = attrs.field(repr=False, eq=False)

    @property
    def raw(self) -> tuple[dict[str, Any], ...]:
        """The items as plain objects, including fields that the models do not have.

        They are decoded again at each access.
        """
        return decode_plain(self.response, self.key, {row.index for row in self.rejected})

    @property
    def size(self) -> int:
        """The number of rows received, readable or not."""
        return len(self.items) + len(self.rejected)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: SupportsIndex) -> T_co:
        return self.items[index]

    def to_dict(self) -> dict[str, Any]:
        """Return the page as JSON types, each row as its own `to_dict()`."""
        items: tuple[Any, ...] = self.items
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return {ITEMS: [item.to_dict() for item in items], **numbers}

    def to_json(self) -> str:
        """Return `to_dict()` as a JSON document."""
        return msgspec.json.encode(self.to_dict()).decode()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], model: type[T]) -> Page[T]:
        """Make a page of what `to_dict()` returned. In `raw` are then the fields of its rows.

        Args:
            data: The dictionary.
            model: The class of the rows.

        Raises:
            InvalidArgumentError: A value is invalid; `argument` is its path, such as
                `items[0].created_at`.
        """
        if not isinstance(data, Mapping):
            raise InvalidArgumentError("data", "must be a dictionary, as Page.to_dict() returns.")
        return page_of(msgspec.structs.asdict(convert(dict(data), _form(model))))

    @classmethod
    def from_json(cls, data: str | bytes, model: type[T]) -> Page[T]:
        """Make a page of what `to_json()` returned, as `from_dict()`.

        Raises:
            InvalidArgumentError: It is not JSON, or a value is invalid.
        """
        return cls.from_dict(parse_json(data), model)

    def to_table(self, *, timezone: str | tzinfo | None = None) -> Any:
        """Return the issues as a `pyarrow.Table`, with the columns of `pull.table()`.

        Times are UTC or local, `lat` and `lng` are degrees.

        Args:
            timezone: The place's time zone, such as `"America/New_York"`, or a `ZoneInfo`: each
                time gets a second column with the local time, such as `created_at_local`.

        Raises:
            InvalidArgumentError: The rows are not issues, the time zone is unknown, or the extra
                `parquet` is not installed.
        """
        from seeclickfix_async._core.time_zone import parse_zone  # noqa: PLC0415  # imports zoneinfo
        from seeclickfix_async._tables import arrow  # noqa: PLC0415  # for data frames only

        is_of_issues = (
            all(isinstance(item, Issue) for item in self.items)
            if self.items
            else self.key in ("issues", ITEMS)
        )
        if not is_of_issues:
            raise InvalidArgumentError(
                "to_table",
                "is for pages of issues. Make a data frame of other rows with "
                "DataFrame([row.to_dict() for row in page]).",
            )
        issues: tuple[Any, ...] = self.items
        zone = parse_zone(timezone)
        pyarrow: Any = arrow.import_pyarrow("to_table")
        schema = arrow.build_schema(geometry=False, zone=zone)
        return pyarrow.Table.from_batches([arrow.build_batch(issues, schema, zone)], schema)

    def to_pandas(self, *, timezone: str | tzinfo | None = None) -> Any:
        """Return the issues as a `pandas.DataFrame`, with the columns of `to_table()`.

        Args:
            timezone: As for `to_table()`.

        Raises:
            InvalidArgumentError: As `to_table()`, or pandas is not installed.
        """
        _import("pandas")
        return self.to_table(timezone=timezone).to_pandas()

    def to_polars(self, *, timezone: str | tzinfo | None = None) -> Any:
        """Return the issues as a `polars.DataFrame`, with the columns of `to_table()`.

        Args:
            timezone: As for `to_table()`.

        Raises:
            InvalidArgumentError: As `to_table()`, or polars is not installed.
        """
        return _import("polars").from_arrow(self.to_table(timezone=timezone))

    def _repr_html_(self) -> str:
        """Return a table of the first rows, which notebooks display."""
        from seeclickfix_async.models._html import rows_to_html  # noqa: PLC0415  # for notebooks only

        of_pages = f" of {self.pages}" if self.pages is not None else ""
        entries = f"; {counted(self.entries, 'row')} in all" if self.entries is not None else ""
        rejected = f"; {counted(len(self.rejected), 'row')} rejected" if self.rejected else ""
        return rows_to_html(f"Page {self.page}{of_pages}{entries}{rejected}", self.items)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from seeclickfix_async._api import page_schema  # noqa: PLC0415  # imports pydantic

        return page_schema.page_schema(source, handler)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        from seeclickfix_async.models import _pydantic  # noqa: PLC0415  # imports pydantic

        return _pydantic.describe(cls, handler(schema), handler)


@cache
def _form(model: Any) -> Any:
    """Return the class of a page's dictionary.

    Raises:
        InvalidArgumentError: The class of the rows is not a model.
    """
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise InvalidArgumentError("model", "must be the class of the rows, such as Issue.")
    counts = [(name, int | None, None) for name in NUMBERS[1:]]
    return msgspec.defstruct("Page", [(ITEMS, tuple[model, ...]), ("page", int), *counts])


def page_of(fields: Mapping[str, Any]) -> Page[Any]:
    """Make a page of its items and numbers, and of the response that would have contained them."""
    content = msgspec.json.encode({ITEMS: [item.to_dict() for item in fields[ITEMS]]})
    return Page(**fields, rejected=(), response=Response(200, {}, content), key=ITEMS)


def _import(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError:
        raise InvalidArgumentError(
            f"to_{library}", f"requires {library}: pip install {library}"
        ) from None


def require_readable(page: Page[T]) -> Page[T]:
    """Return a page, unless it has rows and none of them can be read.

    Raises:
        DecodeError: No row can be read. The page would look like one without results.
    """
    if page.rejected and not page.items:
        raise unreadable_error(page.rejected, page.response)
    return page


def unreadable_error(rejected: Sequence[Rejected], response: Response) -> DecodeError:
    """Return the error for a response with these rows, and no others."""
    first = rejected[0]
    reason = f"None of {counted(len(rejected), 'row')} can be read. The first one: {first.reason}"
    return response.decode_error(reason, first.path)
