"""The checkpoint of a pull, and the file that holds it beside the data."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo

import attrs
import msgspec

from seeclickfix_async._api.area import WATCHER_TOKEN
from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._core.file_replacement import replace_file
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._core.validation import is_representable
from seeclickfix_async._crawl.report import Report
from seeclickfix_async._tables.licence import ATTRIBUTION, LICENCE
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Place
from seeclickfix_async.models._common import Time

T = TypeVar("T")

_Count = Annotated[int, msgspec.Meta(ge=0)]

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before the service began; some rows claim less
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # a computer whose clock was reset shows 1970

_CHECKSUM_NAME = b'"checkpoint_checksum"'
_CHECKSUM = b',"checkpoint_checksum":"'
_CHECKSUM_SIZE = 10  # bytes: against accidents, not attacks

_UNESSENTIAL = ("per_page", "sort", "sort_direction")


@attrs.frozen
class Checkpoint:
    """The state of a pull, from which a later call continues.

    Attributes:
        key: The key of the query; see `query_key`.
        query: The parameters of `GET /issues`, for people to read.
        began: The start of the crawl, by this machine's clock: a finished pull holds everything
            that was updated before.
        state: The state of the crawl.
        report: The report of the crawl so far.
        finished: Whether the crawl is at its end, complete or not.
        lacks_issues: Whether it ended without issues that the service has; unreadable rows of an
            update do not count, which the next one reads again.
        place: The place that was queried, if the area is one.
        since: For an update, the time up to which the pull that it updates was complete.
        newest: The newest update that was received, by the service's clock.
        base: The pull that this update builds on, if that is not complete.
        missing: How many issues the last sweep found missing, and could not pull.
        site: The address of the service.
        attribution: The name to state with the data.
        licence: The licence of the data.
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
    lacks_issues: bool = False
    base: Checkpoint | None = None
    missing: _Count = 0
    site: str = ""
    attribution: str = ATTRIBUTION
    licence: str = LICENCE

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    @property
    def is_done(self) -> bool:
        """True if nothing is left to pull, until an update."""
        return self.finished and self.report.complete

    @property
    def is_in_base(self) -> bool:
        """True while the pull that this update builds on is being completed."""
        return self.base is not None and not self.base.finished

    @property
    def covered(self) -> datetime:
        """The time up to which the pull is complete, by the service's clock.

        An update that lacks issues has covered nothing: the next one requests the same period.
        The newest update is a second bound for a service that sends no Date header, where `began`
        is the time of this machine.
        """
        if self.since is not None and self.lacks_issues:
            return self.since
        began = self.report.until or self.began
        return max(min(began, self.newest or began), _EARLIEST)

    def is_base_of(self, update: Checkpoint) -> bool:
        """Check whether an update began from this pull, not from an older one of this file name."""
        return update.since == self.covered and update.began >= self.began

    @classmethod
    def decode(cls, content: bytes | str) -> Checkpoint:
        """Decode JSON.

        Raises:
            InvalidArgumentError: The JSON is damaged.
        """
        checkpoint = _decode(content, cls)
        _check(checkpoint)
        return checkpoint


def query_params(query: IssueQuery) -> dict[str, str]:
    """Return a query's parameters for people to read, without the token of a watch area."""
    params = {name: value for name, value in query.params() if name not in _UNESSENTIAL}
    return {name: "..." if name == WATCHER_TOKEN else value for name, value in params.items()}


def query_key(query: IssueQuery) -> str:
    """Return the key of a query: the same for the same rows, in pages of any size."""
    params = sorted(pair for pair in query.params() if pair[0] not in _UNESSENTIAL)
    return hashlib.sha256(msgspec.json.encode(params)).hexdigest()


@attrs.frozen
class CheckpointFile:
    """The content of a checkpoint file, which ends with a digest of itself.

    Without it, a file with a damaged number or a lost member could be read as another one, and the
    data would be cut off at the wrong place. Files of early versions have no such digest.

    Attributes:
        checkpoint: The checkpoint; None before the first page is stored.
        length: The length in bytes of the data that belong to it.
        checksum: The CRC-32 of these bytes, to detect changes by other programs; None in files of
            early versions.
        next_length: The length of the new data, while the data file is being replaced.
        next_checksum: The CRC-32 of the new data.
        is_replaced: Whether a new data file may be beside the data file: one that was there before
            is another program's.
        is_growing: Whether rows may follow, which a killed process wrote, although the checkpoint
            is that of the end of a crawl.
        excel: Whether a CSV file is for spreadsheet programs.
        timezone: The time zone of the local times, if the file has some.
        number: The number of parts of a dataset, in files of early versions.
    """

    checkpoint: Checkpoint | None
    length: _Count = 0
    checksum: _Count | None = None
    next_length: _Count | None = None
    next_checksum: _Count | None = None
    is_replaced: bool = False
    is_growing: bool = False
    excel: bool = False
    timezone: str | None = None
    number: _Count = 0

    @property
    def is_whole(self) -> bool:
        """Whether the data file holds no rows but those of the checkpoint."""
        return self.checkpoint is not None and self.checkpoint.finished and not self.is_growing

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a checkpoint file, or return None if it does not exist.

        Raises:
            InvalidArgumentError: The file is damaged.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        _check_checksum(content, path.name)
        saved = _decode(content, cls, path.name)
        if saved.checkpoint is not None:
            _check(saved.checkpoint, path.name)
        return saved

    def save(self, path: Path) -> None:
        """Replace the file atomically.

        It is flushed to the disk only at the end of a crawl and before the data file is replaced:
        after a power failure in between, the checksum shows whether the data fit the checkpoint.
        """
        is_end = self.checkpoint is not None and self.checkpoint.finished
        durable = is_end or self.is_replaced or self.next_length is not None
        replace_file(path, _add_checksum(msgspec.json.encode(self)), durable=durable)

    def for_query(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of a query; None if its pull has not begun.

        Raises:
            InvalidArgumentError: The checkpoint is another query's.
        """
        if self.checkpoint is not None and self.checkpoint.key != key:
            query = ", ".join(f"{name}={value}" for name, value in self.checkpoint.query.items())
            raise InvalidArgumentError(
                "to",
                f"the file holds the pull of another query ({query}). To continue or update that "
                "one, use the same area, filters and details; otherwise choose another name.",
            )
        return self.checkpoint


def checkpoint_path(path: Path) -> Path:
    """Return the path of the checkpoint file beside a data file."""
    return path.with_name(f"{path.name}.pull.json")


def choose_zone(
    path: Path, requested: ZoneInfo | None, *, name: str | None, is_begun: bool
) -> ZoneInfo | None:
    """Return the time zone of a file's local times; a file stays as it was begun.

    Args:
        path: The file.
        requested: The zone of this call, if it has one.
        name: The name of the zone that the file has saved.
        is_begun: Whether the file holds a pull.

    Raises:
        InvalidArgumentError: The file was begun with another zone, or without one; or this machine
            does not know its zone.
    """
    if requested is None:
        return parse_zone(name)
    if is_begun and name != requested.key:
        raise InvalidArgumentError(
            "timezone",
            f"{path} was begun {f'with {name}' if name else 'without it'}, and stays so. Omit it, "
            "or choose another file.",
        )
    return requested


def _add_checksum(content: bytes) -> bytes:
    """Add the checksum of a JSON object to it, as its last member."""
    return content[:-1] + _CHECKSUM + _compute_checksum(content) + b'"}'


def _check_checksum(content: bytes, name: str) -> None:
    """Refuse a JSON object that is not as `_add_checksum` returned it."""
    body, has_checksum, checksum = content.rpartition(_CHECKSUM)
    is_intact = has_checksum and checksum == _compute_checksum(body + b"}") + b'"}'
    if not is_intact and _CHECKSUM_NAME in content:
        raise unreadable("it was changed or damaged", name)


def _compute_checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM_SIZE).hexdigest().encode()


def _decode(content: bytes | str, model: type[T], name: str = "it") -> T:
    try:
        return msgspec.json.decode(content, type=model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(str(error), name) from None


def _check(checkpoint: Checkpoint, name: str = "it") -> None:
    """Refuse values that no pull writes and that would break its arithmetic."""
    report, newest = checkpoint.report, checkpoint.newest
    clocks = (checkpoint.began, checkpoint.since, report.until)
    times = [clock for clock in clocks if clock is not None]
    is_possible = all(time.tzinfo and _FIRST_YEAR <= time.year <= _LAST_YEAR for time in times)
    if not is_possible or not (newest is None or is_representable(newest)):
        raise unreadable("it contains an impossible time", name)
    counts = (report.expected, report.received, report.rejected, report.requests, report.photos)
    if min(count or 0 for count in (*counts, report.seconds, report.quota_seconds)) < 0:
        raise unreadable("it contains a negative number", name)
    if checkpoint.base is not None:
        _check(checkpoint.base, name)


def unreadable(reason: str, name: str = "it") -> InvalidArgumentError:
    """Return the error for a damaged checkpoint; `name` is its file's."""
    return InvalidArgumentError(
        "to",
        f"its checkpoint cannot be read: {reason}. Restore {name} from a copy, or remove it and "
        "the data to begin anew.",
    )
