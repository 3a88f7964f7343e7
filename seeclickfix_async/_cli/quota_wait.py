"""The wait for the service's quota, shown to the user of a command."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Generator
from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text

from seeclickfix_async import HostLimiter, Limiter
from seeclickfix_async._cli.terminal import notes
from seeclickfix_async.events import Event, RetryScheduled

_LEAST_WAIT = 5.0  # seconds; slots often come back every few seconds
LINE_INTERVAL = 10.0  # seconds between two lines
_CHECK_INTERVAL = 0.5  # seconds
_OTHER_PROGRAMS = "the quota is used up, perhaps by other programs at this address"


class QuotaWait:
    """The waits of a command's requests: for a slot of its rate limiter, and before retries.

    Attributes:
        limiter: The rate limiter, or None without a limit.
        is_in_bar: Whether a progress bar shows the wait, so that no lines are printed.
    """

    def __init__(self, limiter: HostLimiter | Limiter | None) -> None:
        self.limiter: HostLimiter | Limiter | None = limiter
        self.is_in_bar: bool = False
        self._next_line = -math.inf

    @property
    def seconds(self) -> float:
        """Seconds until the first waiting request gets its slot; 0 if none is waiting."""
        return 0.0 if self.limiter is None else self.limiter.wait

    def estimate(self, requests: int) -> float:
        """Estimate the seconds until this many requests have a slot."""
        return 0.0 if self.limiter is None else self.limiter.estimate(requests)

    def describe(self) -> str:
        """Return the wait as a phrase; empty if no request is waiting."""
        wait = self.seconds
        return f"waiting {math.ceil(wait)} s for the quota" if wait > 0 else ""

    @contextlib.contextmanager
    def announced(self) -> Generator[None]:
        """Print a line when a long wait begins, until the context ends."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_CHECK_INTERVAL):
                self.print_line(time.monotonic())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def print_line(self, now: float) -> None:
        """Print the wait if it is long, once for each wait."""
        wait = self.seconds
        if wait >= _LEAST_WAIT and now >= self._next_line and not self.is_in_bar:
            self._next_line = now + max(wait, LINE_INTERVAL)
            notes.print(f"scf: {self.describe()}")

    def print_retry(self, event: Event) -> None:
        """Print a long wait before a request is sent again; the events of the client come here."""
        if isinstance(event, RetryScheduled) and event.wait >= _LEAST_WAIT:
            is_quota = event.status == 429
            reason = _OTHER_PROGRAMS if is_quota else event.reason.replace("_", " ")
            notes.print(f"scf: waiting {math.ceil(event.wait)} s to try again: {reason}")


class QuotaColumn(ProgressColumn):
    """The time left by the quota, and the wait for it.

    Attributes:
        rows_per_request: How many rows of the bar one request brings.
    """

    def __init__(self, wait: QuotaWait) -> None:
        super().__init__()
        self._wait = wait
        self.rows_per_request: float = 1.0

    def render(self, task: Task) -> Text:
        """Return the content of the column."""
        rows = task.remaining
        if rows is None:
            return Text("-:--:--", style="progress.remaining")
        requests = math.ceil(rows / self.rows_per_request)
        left = timedelta(seconds=math.ceil(self._wait.estimate(requests)))
        return Text(f"{left} {self._wait.describe()}".rstrip(), style="progress.remaining")
