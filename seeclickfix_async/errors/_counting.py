"""Numbers with their unit, for messages."""

from __future__ import annotations


def counted(number: float, what: str) -> str:
    """Return `1 row`, `2,000 rows` or `0.5 seconds`."""
    amount = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{amount} {what}" if number == 1 else f"{amount} {what}s"
