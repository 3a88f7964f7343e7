"""From bytes to models.

The straight way decodes a whole page in one pass. When something in it is not as the models have
it, the page is split into the raw slices of its rows, and each row is read by itself after a
repair of what the service is known to get wrong; a row that stays unreadable is set aside.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from seeclickfix_async import drift
from seeclickfix_async.errors import DecodeError
from seeclickfix_async.models import Pagination
from seeclickfix_async.response import UNREADABLE, Response

T = TypeVar("T")


@attrs.frozen
class Rejected:
    """A row that could not be read.

    Attributes:
        index: Its place in the answer's list, from 0.
        path: Where in the answer, as in `issues[3].lat`.
        reason: What is wrong with it, without quoting it.
        raw: The row's bytes, as they came.
    """

    index: int
    path: str
    reason: str
    raw: bytes = attrs.field(repr=False)


@attrs.frozen
class Rows(Generic[T]):
    """What a collection's answer holds; `errors` is whatever the service put there."""

    items: tuple[T, ...]
    pagination: Pagination
    errors: Any
    rejected: tuple[Rejected, ...] = ()


@attrs.frozen
class _Metadata:
    pagination: Pagination | None = None


def decode_object(response: Response, model: type[T]) -> T:
    """Read an answer that is one object.

    Raises:
        DecodeError: It is not JSON, or not such an object; `path` says where.
    """
    try:
        if not drift.is_hidden_in(response.content):
            read: T = _decoder(model).decode(response.content)  # type: ignore[arg-type]
            return read
    except UNREADABLE:
        pass  # the second look mends it, or tells why
    return _mend(response, response.json(), model)


def decode_rows(response: Response, key: str, model: type[T]) -> Rows[T]:
    """Read an answer that is a collection: `{key: [...], "metadata": {...}, "errors": {}}`.

    Without a key, the answer is the list itself.

    Raises:
        DecodeError: It is not JSON, or holds no such list. A bad row does not raise: it is
            set aside in `rejected`.
    """
    if not key:
        return _decode_bare(response, model)
    try:
        if not drift.is_hidden_in(response.content):
            whole = _decoder(_envelope(key, model)).decode(response.content)  # type: ignore[arg-type]
            metadata = whole.metadata or _Metadata()
            return Rows(getattr(whole, key), metadata.pagination or Pagination(), whole.errors)
    except UNREADABLE:
        pass  # row by row then
    return _decode_each(response, key, model)


def decode_first(response: Response, model: type[T]) -> T:
    """Read an answer that is one object, or a list of one, as Open311 has it.

    Raises:
        DecodeError: It is neither.
    """
    document = response.json()
    if isinstance(document, list) and document:
        document = document[0]
    return _mend(response, document, model)


def raw_rows(response: Response, key: str) -> tuple[Any, ...]:
    """The rows of a collection as plain objects, with the fields that the models do not know."""
    if not key:
        return tuple(response.json())
    rows: tuple[Any, ...] = getattr(_decoder(_envelope(key, Any)).decode(response.content), key)
    return rows


def _decode_bare(response: Response, model: type[T]) -> Rows[T]:
    items, rejected = _read_each(_sliced(response, list[msgspec.Raw], ""), "", model)
    return Rows(items, Pagination(), None, rejected)


def _decode_each(response: Response, key: str, model: type[T]) -> Rows[T]:
    sliced = _sliced(response, _envelope(key, msgspec.Raw, Any), key)
    items, rejected = _read_each(getattr(sliced, key), key, model)
    metadata = _mend(response, sliced.metadata or {}, _Metadata, "metadata")
    return Rows(items, metadata.pagination or Pagination(), sliced.errors, rejected)


def _sliced(response: Response, kind: Any, key: str) -> Any:
    """The raw slices of a collection's rows, and what stands beside them."""
    try:
        return _decoder(kind).decode(response.content)
    except msgspec.ValidationError as error:
        path, reason = _explain(error)
        raise DecodeError(reason, path=path or key, route=response.route) from None
    except UNREADABLE as error:
        raise DecodeError(response.why_unreadable(error), route=response.route) from None


def _read_each(
    rows: list[msgspec.Raw], key: str, model: type[T]
) -> tuple[tuple[T, ...], tuple[Rejected, ...]]:
    """What could be read, and what could not."""
    items: list[T] = []
    rejected: list[Rejected] = []
    for index, raw in enumerate(rows):
        try:
            document = drift.repair(msgspec.json.decode(raw))
            items.append(msgspec.convert(document, model, strict=False))
        except UNREADABLE as error:
            path, reason = _explain(error)
            where = f"{key}[{index}]" + (f".{path}" if path else "")
            rejected.append(Rejected(index, where, reason, bytes(raw)))
    return tuple(items), tuple(rejected)


def _mend(response: Response, document: Any, model: type[T], within: str = "") -> T:
    try:
        return msgspec.convert(drift.repair(document), model, strict=False)
    except UNREADABLE as error:
        path, reason = _explain(error)
        whole_path = ".".join(filter(None, (within, path)))
        raise DecodeError(reason, path=whole_path, route=response.route) from None


@cache
def _decoder(model: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model, strict=False)


@cache
def _envelope(key: str, row: Any, metadata: Any = _Metadata | None) -> Any:
    """The class of a collection; its key is the resource's name (observed)."""
    rows = tuple[row, ...]
    return msgspec.defstruct(
        "Envelope", [(key, rows), ("metadata", metadata, None), ("errors", Any, None)]
    )


def _explain(error: Exception) -> tuple[str, str]:
    """Split the decoder's message into a path like `comments[3].media` and a sentence."""
    if isinstance(error, RecursionError):
        return "", "It is nested too deeply."
    if isinstance(error, UnicodeDecodeError):
        return "", "It is not UTF-8."
    reason, _, where = str(error).partition(" - at `$")
    # An enum's message quotes the value, which may be anything.
    return where.rstrip("`").lstrip("."), reason.partition(" value '")[0] + "."
