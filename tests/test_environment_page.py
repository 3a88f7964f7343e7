"""The page on environment variables names those that the code reads, and no others."""

from __future__ import annotations

import re

from seeclickfix_async._transport import environment
from tests.support.repository import ROOT

_OWN = re.compile(r"\"((?:SEECLICKFIX|SCF)_[A-Z_]+)\"")
_READ = re.compile(r"(?:environ(?:\.get|\.pop|\.setdefault)?|getenv)[\[(]\"(\w+)\"")
_FOLDER = re.compile(r"\buser_(\w+)_path\(")  # of platformdirs


def test_the_page_has_the_variables_that_the_code_reads() -> None:
    page = (ROOT / "docs" / "reference" / "environment.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    code = "\n".join(
        path.read_text("utf-8") for path in sorted((ROOT / "seeclickfix_async").rglob("*.py"))
    )

    read = {
        *_OWN.findall(code),
        *_READ.findall(code),
        *(f"XDG_{folder.upper()}_HOME" for folder in _FOLDER.findall(code)),
        *environment._TLS_VARIABLES,
        *(f"{scheme.upper()}_PROXY" for scheme in (*environment._PROXY_SCHEMES, "no")),
    }
    assert sorted(listed) == sorted(read)
