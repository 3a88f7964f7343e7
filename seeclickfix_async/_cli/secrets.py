"""The secrets of a command: no process that scf starts inherits them, and no output shows them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import NOTIFY_VARIABLE, SECRET_VARIABLE, TOKEN_VARIABLE

_secrets: dict[str, Secret] = {}


def take_secrets() -> None:
    """Move the secrets out of the environment, which all processes that scf starts inherit."""
    _secrets.clear()
    for name in (TOKEN_VARIABLE, SECRET_VARIABLE, NOTIFY_VARIABLE):
        value = os.environ.pop(name, "").strip()
        if value:
            _secrets[name] = Secret(value)


def keep_secret(name: str, value: str) -> None:
    """Keep a secret of an option in place of that of the environment."""
    _secrets[name] = Secret(value)


def get_secret(name: str) -> Secret | None:
    """Return a secret, for whatever site it is; None if it is not set."""
    return _secrets.get(name)


def all_secrets() -> Iterable[Secret]:
    """Return all secrets."""
    return _secrets.values()
