"""What a file knows of the pull that fills it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self, TypeVar

import attrs
import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Place
from seeclickfix_async.queries import IssueQuery
from seeclickfix_async.report import Report

T = TypeVar("T")

ATTRIBUTION = "seeclickfix.com"
LICENCE = "https://creativecommons.org/licenses/by-nc-sa/3.0/us/"
"""What SeeClickFix asks of whoever passes its data on (documented)."""

_Count = Annotated[int, msgspec.Meta(ge=0)]

_SECRET = "watcher_token"  # noqa: S105  # the name of a parameter
_UNESSENTIAL = ("per_page", "sort", "sort_direction")


@attrs.frozen
class Checkpoint:
    """Where a pull stands, and in the end what it was.

    Attributes:
        key: Tells this query from others.
        query: What was asked for, as parameters of `GET /issues`.
        began: When the walk began: what was updated before that is in the file when it is done.
        state: Where the walk stands.
        report: What has come.
        finished: Whether the walk came to its end, complete or not.
        place: What the service says of the place that is pulled, where that is one.
        since: Up to when everything had come to the finished pull that this one brings up to date.
        newest: The newest update that has come, by the service's own clock.
        attribution: Whom to name with the data.
        licence: Under which licence the data are.
    """

    key: str
    query: dict[str, str]
    began: datetime
    state: msgspec.Raw = attrs.field(repr=False)
    report: Report
    finished: bool
    since: datetime | None = None
    newest: datetime | None = None
    place: Place | None = None
    attribution: str = ATTRIBUTION
    licence: str = LICENCE

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @property
    def covered(self) -> datetime:
        """Up to when everything has come: no later than that, however wrong a clock is here."""
        return min(self.began, self.newest or self.began)

    @classmethod
    def read(cls, text: bytes | str) -> Checkpoint:
        """From JSON.

        Raises:
            InvalidArgumentError: It is none.
        """
        return _read(text, cls)


def asked(query: IssueQuery) -> dict[str, str]:
    """A query's parameters for people to read, without the token of a watch area."""
    given = {name: value for name, value in query.params() if name not in _UNESSENTIAL}
    return {name: "..." if name == _SECRET else value for name, value in given.items()}


def key_of(query: IssueQuery) -> str:
    """What a query is known by: the same for the same rows, in pages of any size."""
    given = sorted(pair for pair in query.params() if pair[0] not in _UNESSENTIAL)
    return hashlib.sha256(msgspec.json.encode(given)).hexdigest()


@attrs.frozen
class Kept:
    """A checkpoint beside the data, and how far the data go that belong to it.

    Attributes:
        checkpoint: Where the pull stands; None when nothing has been kept yet.
        length: The data's length in bytes.
        next_length: The same of the new data, while they are written anew.
        number: How many parts there are, where data come in parts.
    """

    checkpoint: Checkpoint | None
    length: _Count = 0
    next_length: _Count | None = None
    number: _Count = 0

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What was kept in a file last; None when there is no file."""
        try:
            return _read(path.read_bytes(), cls)
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        """Keep it, all or nothing."""
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(msgspec.json.encode(self))
        fresh.replace(path)

    def of(self, key: str) -> Checkpoint | None:
        """The checkpoint of a query; None when its pull has not begun.

        Raises:
            InvalidArgumentError: It is another query's.
        """
        if self.checkpoint is not None and self.checkpoint.key != key:
            raise InvalidArgumentError(
                "to", "there is the pull of another query already. Name another."
            )
        return self.checkpoint


def beside(path: Path) -> Path:
    """The file with the checkpoint of a file with data."""
    return path.with_name(f"{path.name}.pull.json")


def remove(path: Path) -> None:
    """Remove a file and its checkpoint, the data first: a checkpoint alone says what is amiss."""
    path.unlink()
    beside(path).unlink()


def _read(text: bytes | str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("to", f"its checkpoint cannot be read: {error}.") from None
