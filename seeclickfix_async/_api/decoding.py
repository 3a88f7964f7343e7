"""From bytes to models.

A whole page is decoded in one strict pass, in which a number sent as a string is an error. If it
fails, the page is split into the bytes of its rows, and each row is decoded by itself after
`normalize` has repaired the service's known deviations. A row that stays unreadable is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sized
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import msgspec

from seeclickfix_async._core import lenient_json
from seeclickfix_async._core.lenient_json import UNREADABLE, path_and_reason
from seeclickfix_async._core.response import Response
from seeclickfix_async.models import Issue, Pagination
from seeclickfix_async.models import _normalize as normalize
from seeclickfix_async.models._issue_rows import copier
from seeclickfix_async.models._model import Model, struct_class

T = TypeVar("T")

_SMALL = 4 * 2**20  # bytes, which models of the smallest rows turn into less than 200 MB
_MAX_ROWS = 10_000  # the largest pages of the service have 1,000 (observed)


@attrs.frozen
class Rejected(Model):
    """A row that could not be read.

    Attributes:
        index: Its position in the list of the response, from 0.
        path: The invalid part of the response, such as `issues[3].lat`.
        reason: The reason, without the row's values.
        raw: The row's bytes, as received; in JSON as Base64.
        page: The number of its page, from 1.
    """

    index: int
    path: str
    reason: str
    raw: bytes = attrs.field(repr=False)
    page: int = 1

    __json_types__: ClassVar[Mapping[str, Any]] = {"raw": bytes}


@attrs.frozen
class Rows(Generic[T]):
    """The contents of a collection; `errors` can be any JSON value."""

    items: tuple[T, ...]
    pagination: Pagination
    errors: Any
    rejected: tuple[Rejected, ...] = ()


@attrs.frozen
class _Metadata:
    pagination: Pagination | None = None


def decode_object(response: Response, model: type[T]) -> T:
    """Decode a response that is one object.

    Raises:
        DecodeError: It is not JSON, or not such an object; `path` is its invalid part.
    """
    try:
        _check_size(response)
        decoded: T = _decoder(model).decode(response.content)  # type: ignore[arg-type]
        if not normalize.has_renamed_fields(decoded, response.content):
            return decoded
    except UNREADABLE:
        pass  # repaired below, or refused with the reason
    return _convert(response, response.json(), model)


def decode_rows(response: Response, key: str, model: type[T]) -> Rows[T]:
    """Decode a response that is a collection: `{key: [...], "metadata": {...}, "errors": {}}`.

    With an empty key, the response is the list itself.

    Raises:
        DecodeError: It is not JSON, or does not contain such a list. An unreadable row does not
            raise; it is returned in `rejected`.
    """
    try:
        _check_size(response)
        if key and (whole := _decode_whole(response, key, model)):
            return whole
    except UNREADABLE:
        pass  # decoded row by row below
    rows, raw_metadata, errors = _split(response, key)
    _check_rows(rows, key, response)
    items, rejected = _decode_each(rows, key, model)
    metadata = _convert(response, raw_metadata or {}, _Metadata, "metadata")
    return Rows(items, metadata.pagination or Pagination(), errors, rejected)


def _decode_whole(response: Response, key: str, model: type[T]) -> Rows[T] | None:
    """Decode a collection in one pass; return None if it has fields under other names.

    Raises:
        UNREADABLE: A part of it cannot be read as it is.
    """
    decoder, to_models = _rows_decoder(key, model)  # type: ignore[arg-type]
    envelope = decoder.decode(_body(response))
    rows = getattr(envelope, key)
    _check_rows(rows, key, response)
    if rows and normalize.has_renamed_fields(rows[0], response.content):
        return None
    metadata = envelope.metadata or _Metadata()
    errors = _loads_errors(envelope.errors)
    return Rows(to_models(rows), metadata.pagination or Pagination(), errors)


def decode_first(response: Response, model: type[T]) -> T:
    """Decode a response that is one object, or a list with one object, as in Open311.

    Raises:
        DecodeError: It is neither.
    """
    document = response.json()
    if isinstance(document, list) and document:
        document = document[0]
    return _convert(response, document, model)


def decode_plain(response: Response, key: str, rejected: Collection[int]) -> tuple[Any, ...]:
    """Decode a collection's rows, except the rejected ones, to plain Python objects.

    Raises:
        DecodeError: As for `decode_rows`.
    """
    rows = enumerate(_split(response, key)[0])
    try:
        return tuple(lenient_json.loads(row) for index, row in rows if index not in rejected)
    except UNREADABLE as error:
        raise response.decode_error(path_and_reason(error)[1], key) from None


def _check_size(response: Response) -> None:
    """Refuse a document with too many values, if it is so large that to count them is worth it."""
    if len(response.content) > _SMALL:
        lenient_json.check_size(response.content)


def _check_rows(rows: Sized, key: str, response: Response) -> None:
    if len(rows) > _MAX_ROWS:
        reason = f"It has more than {_MAX_ROWS:,} rows. Request fewer with per_page."
        raise response.decode_error(reason, key)


def _split(response: Response, key: str) -> tuple[list[bytes], Any, Any]:
    """Return the bytes of a collection's rows, its metadata and its errors."""
    body = _body(response)
    try:
        lenient_json.check_size(body)
    except OverflowError as error:
        raise response.decode_error(response.why_unreadable(error)) from None
    try:
        if not key:
            return [bytes(row) for row in _decoder(list[msgspec.Raw]).decode(body)], None, None
        envelope = _decoder(_envelope(key, msgspec.Raw, Any)).decode(body)
        rows = [bytes(row) for row in getattr(envelope, key)]
        return rows, envelope.metadata, _loads_errors(envelope.errors)
    except msgspec.ValidationError as error:
        path, reason = path_and_reason(error)
        raise response.decode_error(reason, path or key) from None
    except UNREADABLE as error:
        try:
            return _split_malformed(body, key)
        except UNREADABLE:
            raise response.decode_error(response.why_unreadable(error)) from None


def _loads_errors(errors: msgspec.Raw | None) -> Any:
    return None if errors is None else lenient_json.loads(bytes(errors))


def _split_malformed(body: bytes, key: str) -> tuple[list[bytes], Any, Any]:
    """Split a document that msgspec refuses, because of a row or of another part, as `_split`."""
    if not key:
        return lenient_json.elements(body), None, None
    parts = lenient_json.members(body)
    rows = lenient_json.elements(parts.get(key, b""))
    metadata, errors = (parts.get(name, b"null") for name in ("metadata", "errors"))
    return rows, lenient_json.loads(metadata), lenient_json.loads(errors)


def _decode_each(
    rows: list[bytes], key: str, model: type[T]
) -> tuple[tuple[T, ...], tuple[Rejected, ...]]:
    """Decode each row by itself; return the readable ones, and the rejected ones."""
    items: list[T] = []
    rejected: list[Rejected] = []
    for index, raw in enumerate(rows):
        try:
            document = normalize.normalize(lenient_json.loads(raw))
            items.append(msgspec.convert(document, model, strict=False))
        except UNREADABLE as error:
            path, reason = path_and_reason(error)
            row_path = f"{key}[{index}]" + (f".{path}" if path else "")
            rejected.append(Rejected(index, row_path, reason, raw))
    return tuple(items), tuple(rejected)


def _body(response: Response) -> bytes:
    """Return the response's bytes without the byte order mark that some proxies add."""
    return response.content.removeprefix(lenient_json.BYTE_ORDER_MARK)


def _convert(response: Response, document: Any, model: type[T], parent: str = "") -> T:
    """Convert a document to its model, after repairs; `parent` is its path in the response."""
    try:
        return msgspec.convert(normalize.normalize(document), model, strict=False)
    except UNREADABLE as error:
        path, reason = path_and_reason(error)
        full_path = ".".join(filter(None, (parent, path)))
        raise response.decode_error(reason, full_path) from None


@cache
def _decoder(model: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model)


@cache
def _rows_decoder(key: str, model: Any) -> tuple[msgspec.json.Decoder[Any], Callable[..., Any]]:
    """Return the decoder of a collection, and a function that makes models of its rows."""
    if issubclass(model, Issue):
        return _decoder(_envelope(key, struct_class(model))), copier(model)
    return _decoder(_envelope(key, model)), tuple


@cache
def _envelope(key: str, row: Any, metadata: Any = _Metadata | None) -> Any:
    """Return the class of a collection, whose key is the resource's name (observed)."""
    rows = tuple[row, ...]
    return msgspec.defstruct(
        "Envelope", [(key, rows), ("metadata", metadata, None), ("errors", msgspec.Raw, None)]
    )
