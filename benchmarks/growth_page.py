"""The figures in `docs/explanation/growth.md`: its tables, and its plot."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "growth.md"

_NATIONAL = 10_000_000  # issues
_PER_DAY = 20 * 60 * 24  # requests
_PANELS = {
    "seconds": "seconds",
    "cpu": "CPU seconds",
    "requests": "requests",
    "peak": "MB, largest process",
}
# Both a white and a dark page show these; the other colours depend on the reader's colour scheme.
_STYLES = (("#3b82f6", "o"), ("#a855f7", "D"), ("#d9580f", "s"), ("#2b9348", "^"))
_COLORS = {
    "#ffffff": ("paper", "#ffffff", "#1e2129"),
    "#000000": ("ink", "#222222", "#dddddd"),
    "#808080": ("grid", "#dddddd", "#444444"),
}


@attrs.frozen
class Line:
    """What a pull needed.

    Attributes:
        way: How it was made.
        seconds: From the start of the first process to the end of the last one.
        cpu: The CPU seconds of all processes except those of the servers.
        requests: The number of requests.
        peak: The peak memory of the largest process, in megabytes.
    """

    way: str
    issues: int
    seconds: float
    cpu: float
    requests: int
    peak: float


def format_lines(lines: Iterable[Line]) -> str:
    """Return the table of all pulls."""
    header = ("Issues", "By", "Seconds", "CPU seconds", "Requests", "MB, largest process")
    rows = [
        (
            f"{line.issues:,}",
            line.way,
            f"{line.seconds:,.1f}",
            f"{line.cpu:,.1f}",
            f"{line.requests:,}",
            f"{line.peak:.0f}",
        )
        for line in lines
    ]
    return _format_table(header, rows)


def format_estimate(lines: Sequence[Line]) -> str:
    """Return the table of a national pull by one process: its requests, time and memory.

    CPU and memory are extended from the last two sizes, which is more memory than it takes;
    requests from the largest one.
    """
    header = ("A pull of 10,000,000 issues", "Requests", "Days", "CPU minutes", "MB, at most")
    rows = []
    for way in _ways(lines)[:2]:
        tenth, whole = [line for line in lines if line.way == way][-2:]
        share = (_NATIONAL - whole.issues) / (whole.issues - tenth.issues)
        requests = whole.requests * _NATIONAL / whole.issues
        cpu = whole.cpu + share * (whole.cpu - tenth.cpu)
        peak = whole.peak + share * max(0, whole.peak - tenth.peak)
        days = requests / _PER_DAY
        rows.append((way, f"{requests:,.0f}", f"{days:.2g}", f"{cpu / 60:.0f}", f"{peak:.0f}"))
    return _format_table(header, rows)


def format_sizes(bytes_per_issue: dict[str, float]) -> str:
    """Return the table of the files of a national pull."""
    header = ("File", "Bytes per issue", "GB for 10,000,000 issues")
    rows = [
        (f"`.{suffix}`", f"{size:,.0f}", f"{size * _NATIONAL / 1e9:.1f}")
        for suffix, size in bytes_per_issue.items()
    ]
    return _format_table(header, rows)


def write_page(tables: dict[str, str]) -> None:
    """Replace the tables of the page, each of which stands after a comment with its name."""
    page = PAGE.read_text("utf-8")
    for name, table in tables.items():
        pattern = rf"(<!-- {name} .*-->\n\n)(\|.*\n)*\n?"
        page, found = re.subn(pattern, rf"\g<1>{table}\n", page)
        assert found == 1, f"{PAGE} has no place for {name}."
    PAGE.write_text(page, "utf-8")


def _format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    alignments = ["---" if name in {"By", "File", header[0]} else "---:" for name in header]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, alignments, *rows))


def _ways(lines: Iterable[Line]) -> list[str]:
    return list(dict.fromkeys(line.way for line in lines))


def write_plot(lines: Sequence[Line]) -> None:
    """Draw the plot beside the page, in the colours of the reader's colour scheme."""
    font = "DejaVu Sans"  # and the reader's sans-serif
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": PAGE.stem, "font.sans-serif": font}):
        figure = Figure(figsize=(8, 6.4), layout="constrained")
        for axes, (name, title) in zip(figure.subplots(2, 2).flat, _PANELS.items(), strict=True):
            _draw_panel(axes, lines, name)
            axes.set_title(title)
        handles = axes.get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    PAGE.with_suffix(".svg").write_text(_follow_color_scheme(drawing.getvalue()), "utf-8")


def _draw_panel(axes: Axes, lines: Sequence[Line], name: str) -> None:
    for way, (color, marker) in zip(_ways(lines), _STYLES, strict=True):
        of_way = [line for line in lines if line.way == way]
        sizes, values = [line.issues for line in of_way], [getattr(line, name) for line in of_way]
        axes.plot(sizes, values, marker=marker, color=color, label=way)
    axes.set(xscale="log", xlabel="issues")
    axes.set(ylim=(0, None)) if name == "peak" else axes.set(yscale="log", ylim=(1, None))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    axes.grid(color="#808080")


def _follow_color_scheme(svg: str) -> str:
    """Replace the colours by variables, which have another value in the dark."""
    for color, (name, _, _) in _COLORS.items():
        svg = svg.replace(color, f"var(--{name})")
    light, dark = (
        ";".join(f"--{color[0]}:{color[number]}" for color in _COLORS.values()) for number in (1, 2)
    )
    media = "@media(prefers-color-scheme:dark)"
    rules = f":root{{{light}}}{media}{{:root{{{dark}}}}}text{{fill:var(--ink)}}*{{"
    return svg.replace("*{", rules, 1)
