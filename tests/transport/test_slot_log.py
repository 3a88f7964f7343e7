"""The file of the limiter that processes share: any content is read, none frees a used slot."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async._transport.shared_limiter import LEASE
from seeclickfix_async._transport.slot_log import (
    LoggedSlot,
    LoggedWaiter,
    SlotLog,
    read,
)

_PER, _NOW = 60.0, 5000.0

_TIMES = st.floats(_NOW - 100, _NOW)
_TOKENS = st.text("0123456789abcdef", min_size=1, max_size=16)
_PROCESSES = st.sampled_from([0, os.getpid()])
_SLOTS = st.builds(LoggedSlot, st.floats(_NOW - 100, _NOW + _PER + LEASE), _PROCESSES)
_WAITERS = st.builds(
    LoggedWaiter, st.booleans(), _TIMES, st.floats(_NOW - 9, _NOW + 9), st.just(os.getpid())
)
_LOGS = st.builds(
    SlotLog,
    st.just("boot"),
    _TIMES,
    st.floats(0, _NOW + 4000),
    st.dictionaries(_TOKENS, _SLOTS, max_size=30),
    st.dictionaries(_TOKENS, _WAITERS, max_size=5),
)


def _read(content: bytes, boot: str = "boot") -> SlotLog:
    return read(content, boot=boot, now=_NOW, per=_PER)


@given(_LOGS)
def test_what_was_written_is_read_without_what_has_expired(log: SlotLog) -> None:
    found = _read(log.encode())

    assert found.slots == {key: slot for key, slot in log.slots.items() if slot.free_at > _NOW}
    assert found.waiters == {key: entry for key, entry in log.waiters.items() if entry.until > _NOW}
    assert (found.paused_until, found.written_at) == (log.paused_until, _NOW)


@given(_LOGS, st.binary(max_size=300))
def test_old_bytes_behind_the_log_are_ignored(log: SlotLog, rest: bytes) -> None:
    assert _read(log.encode() + rest) == _read(log.encode())


@given(_LOGS, st.data())
def test_a_part_of_a_log_counts_as_a_full_window(log: SlotLog, data: st.DataObject) -> None:
    content = log.encode()
    end = data.draw(st.integers(1, len(content) - 1))
    rest = data.draw(st.binary(max_size=len(content)))

    found = _read(content[:end] + rest)

    assert found.paused_until >= _NOW + _PER or found == _read(content)


@given(st.binary(min_size=1, max_size=200) | st.text(min_size=1).map(str.encode))
def test_any_other_content_counts_as_a_full_window(content: bytes) -> None:
    found = _read(content)

    assert (found.paused_until, found.slots, found.waiters) == (_NOW + _PER, {}, {})


@given(_LOGS)
def test_after_a_restart_no_wait_is_longer_than_it_was(log: SlotLog) -> None:
    found = _read(log.encode(), boot="another")

    latest = max(log.written_at, *(slot.free_at for slot in log.slots.values()), 0.0)
    assert all(slot.free_at <= max(latest - log.written_at, _PER) for slot in found.slots.values())
    assert found.waiters == {}


@pytest.mark.parametrize("ahead", [86_400 + LEASE + 1, 1e300])
def test_a_time_that_no_process_writes_is_damage(ahead: float) -> None:
    log = SlotLog("boot", _NOW, 0.0, {"a": LoggedSlot(_NOW + ahead)})

    assert _read(log.encode()).paused_until == _NOW + _PER


def test_the_slot_of_a_dead_process_is_free_one_window_later() -> None:
    log = SlotLog("boot", _NOW, 0.0, {"a": LoggedSlot(_NOW + _PER + LEASE, 2**22 + 1)})

    assert _read(log.encode()).slots == {"a": LoggedSlot(_NOW + _PER)}


def test_an_empty_file_is_a_quota_that_was_not_used() -> None:
    assert _read(b"") == SlotLog("boot", _NOW)


@pytest.mark.parametrize(("limit", "times"), [(4, [_NOW, _NOW, 5010.0]), (2, [5010.0]), (1, [])])
def test_slots_that_are_free_come_first(limit: int, times: list[float]) -> None:
    slots = {"a": LoggedSlot(5010.0), "b": LoggedSlot(5100.0, os.getpid())}

    assert SlotLog(slots=slots).free_times(limit, _NOW) == times
