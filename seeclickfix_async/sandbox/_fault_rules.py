"""Rules that choose the requests that get a fault, and how many of them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from fnmatch import fnmatchcase
from random import Random
from typing import SupportsIndex

import attrs

from seeclickfix_async._core.numbers import (
    Number,
    as_integer,
    as_integer_or_number,
    as_number,
)
from seeclickfix_async.sandbox._bounds import check_at_least
from seeclickfix_async.sandbox._faults import Fault


@attrs.define(eq=False)
class _Rule:
    """A fault, the requests that it is for, and how often it occurs."""

    faults: tuple[Fault, ...]
    on: str
    times: float
    chance: float = 1.0
    random: Random = attrs.field(factory=Random)

    @property
    def refuses_all(self) -> bool:
        """Whether the next request is refused, whichever it is."""
        return self.on == "*" and self.chance == 1 and self.faults[0].refuses

    def draw(self, target: str) -> Fault | None:
        """Return the fault of a request, if it has one."""
        if not fnmatchcase(target, self.on):
            return None
        if self.chance < 1 and self.random.random() >= self.chance:
            return None
        self.times -= 1
        return self.random.choice(self.faults)


@attrs.define(eq=False)
class Faults:
    """The faults of a sandbox: the next requests get them, by rule or by chance.

        sandbox.faults.append(Fault(503))
        sandbox.faults.append(Fault.reset("during"), on="GET /issues", times=3)
        sandbox.faults.at_random(0.1, Fault(502), Fault.truncate(), seed=1)

    A request gets the first fault that is for it, in the order in which they were added.

    Attributes:
        occurred: The requests that got a fault, such as `GET /issues`, and the faults.
    """

    occurred: list[tuple[str, Fault]] = attrs.field(factory=list, init=False)
    _rules: list[_Rule] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def append(self, fault: Fault, *, on: str = "*", times: Number = 1) -> None:
        """Add a fault of the next requests.

        Args:
            fault: The fault.
            on: Method and path of the requests, without `/api/v2`; `*` stands for any string, as in
                `POST *` or `GET /issues/*`.
            times: The number of requests that get it; `math.inf` for all.
        """
        if not isinstance(fault, Fault):
            raise TypeError("fault: must be a Fault, such as Fault(503).")
        count = as_integer_or_number(times)
        if not (isinstance(count, float) and count == math.inf):
            check_at_least("times", count, 0, integer=True)
        if count == 0:
            return
        with self._lock:
            self._rules.append(_Rule((fault,), on, count))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Add faults of the next requests, one each."""
        for fault in faults:
            self.append(fault)

    def at_random(
        self, chance: Number, *faults: Fault, seed: SupportsIndex = 0, on: str = "*"
    ) -> None:
        """Add faults that requests get by chance.

        Args:
            chance: The share of the requests that get a fault, from 0 to 1.
            *faults: The faults to choose from.
            seed: The same seed chooses the same faults for the same requests.
            on: As for `append`.
        """
        share, number = as_number(chance), as_integer(seed)
        check_at_least("chance", share, 0, integer=False)
        check_at_least("seed", number, -math.inf, integer=True)
        if not (faults and share <= 1):
            raise ValueError("at_random requires a chance from 0 to 1, and at least one fault.")
        with self._lock:
            self._rules.append(_Rule(faults, on, math.inf, share, Random(number)))  # noqa: S311

    @property
    def pending(self) -> bool:
        """Whether there are faults that further requests can get."""
        return bool(self._rules)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._rules.clear()

    def draw(self, target: str) -> Fault | None:
        """Return the fault of a request, given by method and path; None if it has none."""
        with self._lock:
            for rule in self._rules:
                fault = rule.draw(target)
                if fault is not None:
                    if rule.times <= 0:
                        self._rules.remove(rule)
                    self.occurred.append((target, fault))
                    return fault
        return None

    def draw_refusal(self) -> bool:
        """Return whether a new connection is reset, since any next request is to be refused."""
        with self._lock:
            refused = any(rule.refuses_all for rule in self._rules[:1])
        return refused and self.draw("*") is not None
