"""Words of the service, to be quoted in an error."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from seeclickfix_async._core.secret import MASK, Secret

_SHORTEST = 4  # a shorter secret would mask parts of ordinary words


def mask_secrets(words: str, secrets: Iterable[Secret]) -> str:
    """Return words without the secrets of the request, which the service may have repeated."""
    for secret in secrets:
        value = secret.reveal()
        if len(value) >= _SHORTEST:
            for form in (value, quote(value, safe="")):
                words = words.replace(form, MASK)
    return words


def shorten(words: str, longest: int = 500) -> str:
    """Return the beginning of words that are too long for a message."""
    return words if len(words) <= longest else f"{words[:longest]}..."
