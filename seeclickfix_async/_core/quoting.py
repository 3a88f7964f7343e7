"""Words of the service, to be quoted in an error."""

from __future__ import annotations


def shorten(words: str, longest: int = 500) -> str:
    """Return the beginning of words that are too long for a message."""
    return words if len(words) <= longest else f"{words[:longest]}..."
