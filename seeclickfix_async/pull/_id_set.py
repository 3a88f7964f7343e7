"""A set of issue ids that are too many for a set of objects."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

_BITS = 16
_SIZE = 1 << _BITS


class IdSet:
    """Ids, in about 3 bytes each where they are close together; it counts which ones are seen.

    A city's issues are: an object for each would take 40 bytes. Ids of the same 65,536 are in one
    group, by their last 16 bits.
    """

    def __init__(self, ids: Iterable[int]) -> None:
        groups: dict[int, array[int]] = {}
        for id_ in ids:
            group = groups.get(id_ >> _BITS)
            if group is None:
                group = groups[id_ >> _BITS] = array("H")
            group.append(id_ % _SIZE)
        for high, group in groups.items():  # one after the other, so that none is in memory twice
            groups[high] = array("H", sorted(set(group)))
        self._groups = groups
        self._seen = {high: bytearray(len(group)) for high, group in groups.items()}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def see(self, id_: int) -> bool:
        """Mark an id as seen; return whether it is in the set."""
        group = self._groups.get(id_ >> _BITS)
        if group is None:
            return False
        index = bisect_left(group, id_ % _SIZE)
        if index == len(group) or group[index] != id_ % _SIZE:
            return False
        self._seen[id_ >> _BITS][index] = True
        return True

    def unseen(self) -> Iterator[int]:
        """Iterate over the other ids, ascending."""
        for high in sorted(self._groups):
            for low, seen in zip(self._groups[high], self._seen[high], strict=True):
                if not seen:
                    yield (high << _BITS) + low
