"""Pull a place every night, and chart what DuckDB finds for the questions in `questions`.

python nightly.py example-city America/New_York
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from math import cos, radians
from pathlib import Path
from typing import Any

import anyio
import duckdb
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seeclickfix_async import AsyncClient, PlaceArea, Report
from seeclickfix_async.pull import pull

HERE = Path(__file__).parent

Columns = dict[str, Any]
"""The columns of a result, as arrays."""


async def pull_place(place: str, timezone: str) -> Report:
    """Pull what changed since the last night; once a month, also find issues that were removed."""
    async with AsyncClient.from_env(token=None, contact="you@example.org") as client:
        return await pull(
            client,
            to="city.parquet",
            area=PlaceArea(place),
            timezone=timezone,
            update=True,
            sweep=datetime.now(UTC).day == 1,
        )


def draw_closing_times(axes: Axes, result: Columns) -> None:
    """Draw a line from the median to the 90th percentile of each category."""
    category, median, high = (result[name] for name in ("category", "median", "90th percentile"))
    axes.hlines(category, median, high, color="lightgray", zorder=0)
    axes.plot(median, category, "o", label="median")
    axes.plot(high, category, "o", label="90th percentile")
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("days")
    axes.legend()


def draw_backlog(axes: Axes, result: Columns) -> None:
    """Draw the issues of each month as lines."""
    for name in ("created", "closed", "open"):
        axes.plot(result["month"], result[name], label=name)
    axes.set_ylim(bottom=0)
    axes.legend()


def draw_hot_spots(axes: Axes, result: Columns) -> None:
    """Draw a map with a dot for each cell, and the numbers of the busiest ones."""
    lat, lng, issues = result["lat"], result["lng"], result["issues"]
    axes.scatter(lng, lat, s=600 * issues / issues.max(), alpha=0.5, linewidths=0)
    for x, y, count in zip(lng[:10], lat[:10], issues, strict=False):
        axes.annotate(str(count), (x, y), ha="center", va="center")
    axes.set_aspect(1 / cos(radians(lat.mean())))
    axes.locator_params(axis="x", nbins=5)


def draw_bars(axes: Axes, result: Columns) -> None:
    """Draw the last column as bars that are named by the first."""
    names = list(result)
    axes.barh(result[names[0]], result[names[-1]])
    axes.invert_yaxis()
    axes.set_xlabel(names[-1])


CHARTS: dict[str, Callable[[Axes, Columns], None]] = {
    "time-to-close": draw_closing_times,
    "backlog": draw_backlog,
    "hot-spots": draw_hot_spots,
}


def write_results() -> None:
    """Write the result of each question as a CSV file and a chart."""
    results = Path("results")
    results.mkdir(exist_ok=True)
    with duckdb.connect() as database:
        database.execute((HERE / "issues.sql").read_text("utf-8"))
        for question in sorted(HERE.glob("questions/*.sql")):
            sql = question.read_text("utf-8")
            database.sql(sql).write_csv(str(results / f"{question.stem}.csv"))
            result = database.sql(sql).fetchnumpy()
            figure = Figure(figsize=(8, 5), layout="constrained")
            axes = figure.subplots()
            axes.set_title(sql.splitlines()[0].removeprefix("-- "))
            if all(map(len, result.values())):  # a small place may have no such issues
                CHARTS.get(question.stem, draw_bars)(axes, result)
            figure.savefig(results / f"{question.stem}.svg")


def main() -> None:
    """Pull and chart; the exit code is 1 if issues are missing, which the next night requests."""
    place, timezone = sys.argv[1:]
    report = anyio.run(pull_place, place, timezone)
    if not Path("city.parquet").exists():
        sys.exit(f"There are no issues of {place}. `scf places` lists the names of places.")
    print(report.received, "issues,", "complete" if report.complete else " ".join(report.reasons))
    write_results()
    sys.exit(not report.complete)


if __name__ == "__main__":
    main()
