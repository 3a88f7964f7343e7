"""Fetch the files of other projects that this one contains: `python -m tools.vendor`.

They are unchanged files of npm packages; npm has to be installed. To update one, change its
version, run this, check what has changed, and copy the hashes that it prints. A test compares the
hashes.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_MAP = "seeclickfix_async/pull/_map/vendor"
_AXE = "tests/support/axe"

# By package and version: the path in the package, the path here, and the hash (SHA-256).
FILES = {
    "leaflet@1.9.4": (
        (
            "dist/leaflet.js",
            f"{_MAP}/leaflet.js",
            "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
        ),
        (
            "dist/leaflet.css",
            f"{_MAP}/leaflet.css",
            "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
        ),
        (
            "LICENSE",
            f"{_MAP}/leaflet.LICENSE",
            "53e8dc25862014e4324741ca18fbe3611e11d42ef69f59f86ea8c5389647d4cb",
        ),
    ),
    "uplot@1.6.32": (
        (
            "dist/uPlot.iife.min.js",
            f"{_MAP}/uPlot.iife.min.js",
            "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        ),
        (
            "dist/uPlot.min.css",
            f"{_MAP}/uPlot.min.css",
            "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        ),
        (
            "LICENSE",
            f"{_MAP}/uPlot.LICENSE",
            "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
        ),
    ),
    "axe-core@4.14.1": (
        (
            "axe.min.js",
            f"{_AXE}/axe.min.js",
            "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
        ),
        (
            "LICENSE",
            f"{_AXE}/LICENSE",
            "af175b9d96ee93c21a036152e1b905b0b95304d4ae8c2c921c7609100ba8df7e",
        ),
    ),
}


def sha256(content: bytes) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Fetch the packages, and write the files; the exit code is 1 if a hash is another one."""
    changed = 0
    for package, files in FILES.items():
        with tempfile.TemporaryDirectory() as folder:
            command = ("npm", "pack", "--silent", package)
            name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            with tarfile.open(Path(folder, name.stdout.strip())) as archive:
                for source, target, expected in files:
                    member = archive.extractfile(f"package/{source}")
                    assert member is not None, source
                    content = member.read()
                    (ROOT / target).parent.mkdir(parents=True, exist_ok=True)
                    (ROOT / target).write_bytes(content)
                    if sha256(content) != expected:
                        print(f"{target} has changed: {sha256(content)}")
                        changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main())
