"""Packages of which an extra of this one consists."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def requires_extra(name: str, extra: str, *packages: str) -> Generator[None]:
    """Say which extra to install if one of its packages is missing in this context.

    Args:
        name: The name that requires it.
        extra: The extra.
        *packages: Its packages. If another one is missing, the error is unchanged.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in packages:
            raise
        raise ModuleNotFoundError(
            f"{name} requires the {extra!r} extra: pip install 'seeclickfix-async[{extra}]'",
            name=error.name,
        ) from None
