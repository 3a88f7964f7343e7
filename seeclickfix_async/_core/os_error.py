"""Errors of the operating system, described for users."""

from __future__ import annotations

import errno

_CHOOSE = "Choose a folder that you may write to."
_CREATE = "Create the folder first."
_FREE = "Free disk space, and try again."
_NEXT_STEPS = {
    errno.EACCES: _CHOOSE,
    errno.EDQUOT: _FREE,
    errno.EISDIR: "Choose the name of a file, not of a folder.",
    errno.ENOENT: _CREATE,
    errno.ENOSPC: _FREE,
    errno.ENOTDIR: _CREATE,
    errno.EPERM: _CHOOSE,
    errno.EROFS: _CHOOSE,
}


def describe_os_error(error: OSError) -> str:
    """Return what happened when a file was written, and what to do next."""
    return f"{error.strerror or error}. {_NEXT_STEPS.get(error.errno or 0, '')}".rstrip()
