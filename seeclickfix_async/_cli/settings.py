"""The defaults of options: from the environment, otherwise from the configuration file."""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Literal

from platformdirs import user_config_path

from seeclickfix_async._core.credentials import (
    PRODUCTION,
    build_user_agent,
    normalize_base_url,
)
from seeclickfix_async._core.private_file import is_foreign, is_open_to_others, read_file
from seeclickfix_async._core.validation import non_empty_str
from seeclickfix_async._core.variables import (
    CONTACT_VARIABLE,
    PLACE_VARIABLE,
    SITE_VARIABLE,
    TOKEN_VARIABLE,
)
from seeclickfix_async.errors import InvalidArgumentError, TokenStoreError
from seeclickfix_async.tokens._stores.private_files import find_user_folder

Key = Literal["base_url", "place", "contact"]

VARIABLES: dict[Key, str] = {
    "base_url": SITE_VARIABLE,
    "place": PLACE_VARIABLE,
    "contact": CONTACT_VARIABLE,
}
_MAX_BYTES = 65_536
_SECRET_KEY = re.compile("token|secret|password|authorization|api_?key", re.IGNORECASE)


def user_folder() -> Path:
    """Return the folder of the user's configuration and logins.

    Raises:
        TokenStoreError: There is no home folder.
    """
    return find_user_folder(lambda: user_config_path("seeclickfix-async"))


def config_path() -> Path:
    """Return the path of the configuration file, which need not exist."""
    return user_folder() / "config.toml"


def find(key: Key) -> str | None:
    """Return a setting: of the environment, otherwise of the configuration file, or None.

    Raises:
        InvalidArgumentError: The variable has an invalid value, or the file cannot be used.
    """
    value = os.environ.get(VARIABLES[key], "").strip()
    if not value:
        return read_config().get(key)
    try:
        _validate(key, value)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(VARIABLES[key], error.reason) from None
    return value


def find_site() -> str:
    """Return the site that the secrets of the environment belong to.

    Raises:
        InvalidArgumentError: The variable has an invalid value, or the file cannot be used.
    """
    return find("base_url") or PRODUCTION


def read_config() -> dict[Key, str]:
    """Return the settings of the configuration file; none if it is missing.

    Other users must not be able to write to it, because it names the site that receives the token.

    Raises:
        InvalidArgumentError: It cannot be read, or has an unknown key or an invalid value.
    """
    try:
        path = config_path()
    except TokenStoreError:  # there is no home folder
        return {}
    try:
        content = read_file(path.resolve(), _MAX_BYTES, _check_owner)
        text = (content or b"").decode("utf-8-sig").replace("\r\n", "\n")
        table = tomllib.loads(text)
    except NotADirectoryError:
        return {}
    except OSError as error:
        reason = f"cannot be used: {error.strerror}. Correct or remove it."
        raise InvalidArgumentError(str(path), reason) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InvalidArgumentError(str(path), f"is not a TOML file: {reason}.") from None
    return {_check(path, text, key, value): value for key, value in table.items()}


def _check_owner(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if is_foreign(status) and status.st_uid:  # administrators install files, too
        raise PermissionError(errno.EPERM, "it belongs to another user")
    if is_open_to_others(status, stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "all users can write to it")


def _check(path: Path, text: str, key: str, value: object) -> Key:
    """Check one setting and return its key."""
    where = f"line {_line_of(text, key)}: {key}"
    if _SECRET_KEY.search(key):
        raise InvalidArgumentError(
            str(path),
            f"{where} must not be in this file, which may be copied and shared. Use scf login, or "
            f"set {TOKEN_VARIABLE}.",
        )
    if key not in VARIABLES:
        raise InvalidArgumentError(
            str(path), f"{where} is unknown. The keys are {', '.join(sorted(VARIABLES))}."
        )
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentError(str(path), f'{where} must be a string in quotes, such as "x".')
    try:
        _validate(key, value)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(str(path), f"{where} {error.reason}") from None
    return key


def _validate(key: Key, value: str) -> None:
    if key == "base_url":
        normalize_base_url(value)
    elif key == "contact":
        build_user_agent(None, value)
    else:
        non_empty_str(key, value)


def _line_of(text: str, key: str) -> int:
    """Return the line of a key of the top level, or of the table of that name."""
    pattern = rf"""^\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]"""
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1
