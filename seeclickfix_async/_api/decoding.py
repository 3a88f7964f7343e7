"""From bytes to models.

The straight way decodes a whole page in one pass, which is strict: a number that comes as text is
not taken. When something in it is not as the models have it, the page is split into the raw slices
of its rows, and each row is read by itself after a repair of what the service is known to get
wrong; a row that stays unreadable is set aside.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from seeclickfix_async._api import normalize
from seeclickfix_async._core import lenient_json
from seeclickfix_async._core.lenient_json import UNREADABLE
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors import DecodeError
from seeclickfix_async.models import Pagination

T = TypeVar("T")


@attrs.frozen
class Rejected:
    """A row that could not be read.

    Attributes:
        index: Its place in the answer's list, from 0.
        path: Where in the answer, as in `issues[3].lat`.
        reason: What is wrong with it, without quoting it.
        raw: The row's bytes, as they came.
        page: The number of the page that the answer is, from 1.
    """

    index: int
    path: str
    reason: str
    raw: bytes = attrs.field(repr=False)
    page: int = 1


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
        read: T = _decoder(model).decode(response.content)  # type: ignore[arg-type]
        if not normalize.has_renamed_fields(read, response.content):
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
    try:
        if key:
            whole = _decoder(_envelope(key, model)).decode(_body(response))  # type: ignore[arg-type]
            items = getattr(whole, key)
            if not (items and normalize.has_renamed_fields(items[0], response.content)):
                metadata = whole.metadata or _Metadata()
                return Rows(items, metadata.pagination or Pagination(), whole.errors)
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


def decode_plain(response: Response, key: str, rejected: Collection[int]) -> tuple[Any, ...]:
    """Read a collection's rows as plain objects, but for the rejected ones.

    Raises:
        DecodeError: As for `decode_rows`.
    """
    rows = enumerate(_split(response, key)[0])
    try:
        return tuple(lenient_json.loads(row) for index, row in rows if index not in rejected)
    except UNREADABLE as error:
        raise DecodeError(_explain(error)[1], path=key, route=response.route) from None


def _decode_each(response: Response, key: str, model: type[T]) -> Rows[T]:
    rows, metadata, errors = _split(response, key)
    items, rejected = _read_each(rows, key, model)
    told = _mend(response, metadata or {}, _Metadata, "metadata")
    return Rows(items, told.pagination or Pagination(), errors, rejected)


def _split(response: Response, key: str) -> tuple[list[bytes], Any, Any]:
    """The bytes of a collection's rows, and the metadata and errors that stand beside them."""
    body = _body(response)
    try:
        if not key:
            return [bytes(row) for row in _decoder(list[msgspec.Raw]).decode(body)], None, None
        whole = _decoder(_envelope(key, msgspec.Raw, Any)).decode(body)
        return [bytes(row) for row in getattr(whole, key)], whole.metadata, whole.errors
    except msgspec.ValidationError as error:
        path, reason = _explain(error)
        raise DecodeError(reason, path=path or key, route=response.route) from None
    except UNREADABLE as error:
        try:
            return _split_malformed(body, key)
        except UNREADABLE:
            raise DecodeError(response.why_unreadable(error), route=response.route) from None


def _split_malformed(body: bytes, key: str) -> tuple[list[bytes], Any, Any]:
    """The same of a document that msgspec refuses, because of a row or of what stands beside."""
    if not key:
        return lenient_json.elements(body), None, None
    parts = lenient_json.members(body)
    rows = lenient_json.elements(parts.get(key, b""))
    metadata, errors = (parts.get(name, b"null") for name in ("metadata", "errors"))
    return rows, lenient_json.loads(metadata), lenient_json.loads(errors)


def _read_each(
    rows: list[bytes], key: str, model: type[T]
) -> tuple[tuple[T, ...], tuple[Rejected, ...]]:
    """What could be read, and what could not."""
    items: list[T] = []
    rejected: list[Rejected] = []
    for index, raw in enumerate(rows):
        try:
            document = normalize.normalize(lenient_json.loads(raw))
            items.append(msgspec.convert(document, model, strict=False))
        except UNREADABLE as error:
            path, reason = _explain(error)
            where = f"{key}[{index}]" + (f".{path}" if path else "")
            rejected.append(Rejected(index, where, reason, raw))
    return tuple(items), tuple(rejected)


def _body(response: Response) -> bytes:
    """The answer's bytes without the mark that some proxies put in front of them."""
    return response.content.removeprefix(lenient_json.BYTE_ORDER_MARK)


def _mend(response: Response, document: Any, model: type[T], within: str = "") -> T:
    try:
        return msgspec.convert(normalize.normalize(document), model, strict=False)
    except UNREADABLE as error:
        path, reason = _explain(error)
        whole_path = ".".join(filter(None, (within, path)))
        raise DecodeError(reason, path=whole_path, route=response.route) from None


@cache
def _decoder(model: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model)


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
