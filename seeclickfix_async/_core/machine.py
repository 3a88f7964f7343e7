"""The machine: its current run, its processes, and the cache folder of its user."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the identity of this run of the machine, which changes when it is restarted.

    Empty on systems other than Linux.
    """
    with suppress(OSError):
        return _BOOT_ID.read_text("ascii").strip()
    return ""


def is_running(process: int) -> bool:
    """Return False if there is certainly no process with this id.

    Windows has no such check without side effects: there it is always True.
    """
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Return whether a process has ended, and its parent does not know it yet (on Linux)."""
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b") ")[2][:1] in (b"Z", b"X")  # behind the name, which may have spaces


def cache_folder() -> Path:
    """Return the user's folder for data that can be lost.

    Not `XDG_RUNTIME_DIR`: a cron job does not have it, and the user's own shell does.
    Source: XDG Base Directory Specification; Apple's File System Programming Guide.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if path := os.environ.get("XDG_CACHE_HOME"):
        return Path(path)
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
