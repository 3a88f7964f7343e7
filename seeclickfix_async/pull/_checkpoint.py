"""What a file knows of the pull that fills it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self, TypeVar

import attrs
import msgspec

from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._core.file_replacement import replace_file
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Place
from seeclickfix_async.models._common import Time

T = TypeVar("T")

ATTRIBUTION = "seeclickfix.com"
LICENCE = "https://creativecommons.org/licenses/by-nc-sa/3.0/us/"
"""What SeeClickFix asks of whoever passes its data on (documented)."""

_Count = Annotated[int, msgspec.Meta(ge=0)]

_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # a computer without a battery begins in 1970

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
        lacking: Whether it ended without issues that the service has, besides unreadable rows.
        place: What the service says of the place that is pulled, where that is one.
        since: Up to when everything had come to the finished pull that this one brings up to date.
        newest: The newest update that has come, by the service's own clock.
        base: The pull that this one brings up to date, where that is not complete.
        attribution: Whom to name with the data.
        licence: Under which licence the data are.
    """

    key: str
    query: dict[str, str]
    began: Time
    state: msgspec.Raw = attrs.field(repr=False)
    report: Report
    finished: bool
    since: Time | None = None
    newest: Time | None = None
    place: Place | None = None
    lacking: bool = False
    base: Checkpoint | None = None
    attribution: str = ATTRIBUTION
    licence: str = LICENCE

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to go on with."""
        return self.finished and self.report.complete

    @property
    def is_in_base(self) -> bool:
        """Whether the base is being walked on, so that this is not finished again yet."""
        return self.base is not None and not self.base.finished

    @property
    def covered(self) -> datetime:
        """Up to when everything has come, by the service's clock.

        An update that lacks issues has covered nothing: the next one asks for the same again.
        The newest update is a second guard, for a service that tells no time: then `began` is of
        this machine's clock.
        """
        if self.since is not None and self.lacking:
            return self.since
        looked = self.report.until or self.began
        return min(looked, self.newest or looked)

    def is_base_of(self, update: Checkpoint) -> bool:
        """Whether an update began from here, and not from a pull that was in this place before."""
        return update.since == self.covered and update.began >= self.began

    @classmethod
    def read(cls, text: bytes | str) -> Checkpoint:
        """From JSON.

        Raises:
            InvalidArgumentError: It is none.
        """
        checkpoint = _read(text, cls)
        _check(checkpoint)
        return checkpoint


def query_params(query: IssueQuery) -> dict[str, str]:
    """A query's parameters for people to read, without the token of a watch area."""
    given = {name: value for name, value in query.params() if name not in _UNESSENTIAL}
    return {name: "..." if name == _SECRET else value for name, value in given.items()}


def query_key(query: IssueQuery) -> str:
    """What a query is known by: the same for the same rows, in pages of any size."""
    given = sorted(pair for pair in query.params() if pair[0] not in _UNESSENTIAL)
    return hashlib.sha256(msgspec.json.encode(given)).hexdigest()


@attrs.frozen
class CheckpointFile:
    """A checkpoint beside the data, and how far the data go that belong to it.

    Attributes:
        checkpoint: Where the pull stands; None when nothing has been kept yet.
        length: The data's length in bytes.
        digest: The digest of so many bytes, by which changes from outside are told; None where it
            was not taken.
        next_length: The length of the new data, while they are written anew.
        next_digest: The digest of the new data.
        number: How many parts there are, where data come in parts.
    """

    checkpoint: Checkpoint | None
    length: _Count = 0
    digest: str | None = None
    next_length: _Count | None = None
    next_digest: str | None = None
    number: _Count = 0

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What was kept in a file last; None when there is no file.

        Raises:
            InvalidArgumentError: It is damaged.
        """
        try:
            kept = _read(path.read_bytes(), cls, path.name)
        except FileNotFoundError:
            return None
        if kept.checkpoint is not None:
            _check(kept.checkpoint, path.name)
        return kept

    def save(self, path: Path) -> None:
        """Write it, all or nothing.

        It is flushed to the disk only at the end of a walk or when the data are written anew:
        after a power cut in between, the digest tells whether the data are those that belong to it.
        """
        durable = self.next_length is not None or (
            self.checkpoint is not None and self.checkpoint.finished
        )
        replace_file(path, msgspec.json.encode(self), durable=durable)

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


def checkpoint_path(path: Path) -> Path:
    """The file with the checkpoint of a file with data."""
    return path.with_name(f"{path.name}.pull.json")


def remove(path: Path) -> None:
    """Remove a file and its checkpoint, the data first: a checkpoint alone says what is amiss."""
    path.unlink()
    checkpoint_path(path).unlink()


def _read(text: bytes | str, kind: type[T], name: str = "it") -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(str(error), name) from None


def _check(checkpoint: Checkpoint, name: str = "it") -> None:
    """Refuse values that no pull writes, with which its arithmetic would fail."""
    report = checkpoint.report
    clocks = (checkpoint.began, checkpoint.since, report.until)
    given = [clock for clock in clocks if clock is not None]
    if not all(clock.tzinfo and _FIRST_YEAR <= clock.year <= _LAST_YEAR for clock in given):
        raise unreadable("it holds an impossible time", name)
    counts = (report.expected, report.received, report.rejected, report.requests, report.photos)
    if min(count or 0 for count in (*counts, report.seconds, report.quota_seconds)) < 0:
        raise unreadable("it holds a negative number", name)


def unreadable(why: str, name: str = "it") -> InvalidArgumentError:
    """The error of a checkpoint that is damaged; `name` is its file's."""
    return InvalidArgumentError(
        "to",
        f"its checkpoint cannot be read: {why}. Restore {name} from a copy, or remove it and the "
        "data to begin anew.",
    )
