"""The extras of this installation."""

from __future__ import annotations

import re
from importlib import metadata

_EXTRA = re.compile(r"([\w.-]+).*\bextra == ['\"]([\w-]+)['\"]")
_PACKAGE = "seeclickfix-async"


def find_extras() -> dict[str, bool]:
    """Return the extras, and whether all packages of each are installed.

    Empty if the package itself is not installed, such as in a working copy.
    """
    try:
        requirements = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return {}
    extras: dict[str, bool] = {}
    for match in filter(None, map(_EXTRA.match, requirements)):
        package, extra = match.groups()
        if extra != "all":
            extras[extra] = extras.get(extra, True) and _is_installed(package)
    return dict(sorted(extras.items()))


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
