"""Packages of which an extra of this one consists."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def requires_extra(
    name: str, extra: str, *packages: str, larger: str | None = None
) -> Generator[None]:
    """Say which extra to install if one of its packages is missing in this context.

    Args:
        name: The name that requires it.
        extra: The extra.
        *packages: Its packages. If another one is missing, the error is unchanged.
        larger: An extra that contains it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in packages:
            raise
        also = f", or the {larger!r} extra, which contains it" if larger else ""
        raise ModuleNotFoundError(
            f"{name} requires the {extra!r} extra: pip install 'seeclickfix-async[{extra}]'{also}",
            name=error.name,
        ) from None
