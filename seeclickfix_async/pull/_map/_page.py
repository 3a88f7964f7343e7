"""The page around the data: one HTML file, whose programs and styles are named in its policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).parent
_STYLES = ("vendor/leaflet.css", "vendor/uPlot.min.css", "page/style.css")
_HEAD_SCRIPT = "page/policy.js"
_SCRIPTS = (
    "vendor/leaflet.js",
    "vendor/uPlot.iife.min.js",
    "page/issues.js",
    "page/filters.js",
    "page/figures.js",
    "page/csv.js",
    "page/card.js",
    "page/ground.js",
    "page/clusters.js",
    "page/streets.js",
    "page/map.js",
    "page/charts.js",
    "page/tables.js",
    "page/view.js",
    "page/main.js",
)
_TILES = "https://tile.openstreetmap.org"
_GENERATOR = b'<meta name="generator" content="seeclickfix-async">'
_START = 200  # bytes, in which the generator is named


def is_page(path: Path) -> bool:
    """Check whether a file is such a page."""
    with path.open("rb") as file:
        return _GENERATOR in file.read(_START)


def page_parts(
    name: str, blocks: Iterable[bytes], *, complete: bool, offline: bool
) -> Iterator[bytes]:
    """Iterate over the parts of the page.

    If the pull is not complete, the page says so.

    Its policy runs no script but these, by their hashes: nothing in the data can become a program.
    Without `offline`, it allows images of OpenStreetMap, which `policy.js` forbids again until the
    streets are switched on.
    """
    styles = [_read(path) for path in _STYLES]
    head_script, scripts = _read(_HEAD_SCRIPT), [_read(path) for path in _SCRIPTS]
    images = "data:" if offline else f"data: {_TILES}"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"img-src {images}",
            f"script-src {_hashes([head_script, *scripts])}",
            f"style-src {_hashes(styles)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    before, after = _read("page/page.html").decode().split("@ISSUES@")
    head = (f"<style>{style.decode()}</style>" for style in styles)
    yield (
        before.replace("@POLICY@", policy)
        .replace("@STYLES@", "\n".join(head))
        .replace("@HEAD_SCRIPT@", f"<script>{head_script.decode()}</script>")
        .encode()
    )
    yield _data(
        "pull", msgspec.json.encode({"name": name, "complete": complete, "offline": offline})
    )
    for block in blocks:
        yield _data("issues", block)
    code = "\n".join(f"<script>{script.decode()}</script>" for script in scripts)
    yield after.replace("@SCRIPTS@", code).encode()


def _read(path: str) -> bytes:
    # A browser hashes what it has parsed: with line feeds only.
    return (_FOLDER / path).read_bytes().replace(b"\r\n", b"\n")


def _hashes(contents: Iterable[bytes]) -> str:
    digests = (base64.b64encode(hashlib.sha256(content).digest()) for content in contents)
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)


def _data(kind: str, content: bytes) -> bytes:
    """Return JSON in a script element, which no string of the data can end."""
    safe = content.replace(b"<", b"\\u003c")
    return (
        b'<script type="application/json" class="' + kind.encode() + b'">' + safe + b"</script>\n"
    )
