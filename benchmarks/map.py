"""The page of a pull of 500,000 issues: writing it, opening it and filtering it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import msgspec

from benchmarks.city_file import write_city
from benchmarks.measure import Ratio, peak_memory
from seeclickfix_async.pull import write_map
from seeclickfix_async.pull._map._files import read_chunks
from tests.support.browser import BrowserPool, Chromium

_ISSUES = 500_000
_FILTERS = (
    "chosen.words = 'p'",
    "chosen.words = 'pothole elm'",
    "chosen.words = ''; chosen.type = 'Pothole'",
    "chosen.type = ''; chosen.from = '2015-01'; chosen.to = '2016-02'",
    "chosen.from = chosen.to = ''; chosen.statuses = new Set(['open', 'archived'])",
    "chosen.statuses = null",
)


@attrs.frozen
class _Written:
    read: float
    written: float  # seconds
    growth: float  # megabytes more than after a small page


def _write(small: Path, large: Path) -> _Written:
    write_map(small, small.with_suffix(".html"))
    before = peak_memory()
    start = time.process_time()
    write_map(large, large.with_suffix(".html"))
    written = time.process_time() - start
    growth = peak_memory() - before
    start = time.process_time()
    for _ in read_chunks(large):
        pass
    return _Written(time.process_time() - start, written, growth)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values. Times are of the processor, which other programs do not change."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.db"), Path(folder, "large.db")
        write_city(small, 1000)
        write_city(large, _ISSUES)
        command = [sys.executable, "-m", "benchmarks.map", str(small), str(large)]
        result = subprocess.run(command, capture_output=True, check=True)
        written = msgspec.json.decode(result.stdout, type=_Written)
        page = large.with_suffix(".html")
        size = page.stat().st_size / 2**20
        yield Ratio("page of 500,000 issues / reading them", written.written / written.read, 2)
        yield Ratio("its memory / size of the page", written.growth / size, 1.2)
        with closing(BrowserPool()) as browsers:
            yield from _browse(browsers.new_tab(), page)


def _browse(browser: Chromium, page: Path) -> Iterator[Ratio]:
    browser.cdp("Performance.enable", timeDomain="threadTicks")
    run = browser.driver.execute_script
    start = _busy(browser)
    browser.open(page.as_uri())
    browser.wait_until(lambda: run("return document.querySelector('#issues tbody tr') !== null"))
    yield Ratio("opening it in Chromium", _busy(browser) - start, 3, " s")
    times: list[float] = []
    for change in _FILTERS * 3:
        start = _busy(browser)
        run(f"{change}; update()")
        run("return document.body.offsetHeight")
        times.append(1000 * (_busy(browser) - start))
    yield Ratio("a filter, median", statistics.median(times), 100, " ms")
    slowest = max(
        statistics.median(times[number :: len(_FILTERS)]) for number in range(len(_FILTERS))
    )
    yield Ratio("the slowest filter, median", slowest, 100, " ms")


def _busy(browser: Chromium) -> float:
    """Return the seconds of processor time that the page's thread has used."""
    metrics = browser.cdp("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


if __name__ == "__main__":
    print(msgspec.json.encode(_write(Path(sys.argv[1]), Path(sys.argv[2]))).decode())
