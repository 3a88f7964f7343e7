"""A value that nobody sees by accident."""

from __future__ import annotations

import hmac
from typing import Any, final

MASK = "**********"


@final
class Secret:
    """A string that masks itself in repr, str, format, logs, tracebacks and pickles.

    `reveal()` is the only way to the value. A pickle carries the mask and not the value, and
    what comes out of it refuses to be revealed.

        >>> Secret("example")
        Secret('**********')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: str | None = value

    def reveal(self) -> str:
        """The value itself.

        Raises:
            ValueError: This secret came out of a pickle, which left the value behind.
        """
        if self._value is None:
            raise ValueError("This secret was pickled, which leaves its value behind.")
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, so that the comparison tells nothing."""
        if not isinstance(other, Secret):
            return NotImplemented
        if self._value is None or other._value is None:
            return self is other
        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"),
            other._value.encode("utf-8", "surrogatepass"),
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _left_behind, ()


def as_secret(value: str | Secret) -> Secret:
    """The value as a Secret, whether it was one already or not."""
    return value if isinstance(value, Secret) else Secret(value)


def strip_traceback(error: BaseException | None) -> None:
    """Drop the frames of an error and of what led to it: their locals hold secrets.

    Error trackers show a traceback with its locals.
    """
    while error is not None:
        error.__traceback__ = None
        vars(error).pop("_request", None)  # the HTTP library's errors hold what was sent
        error = error.__cause__ or error.__context__


def _left_behind() -> Secret:
    secret = Secret("")
    object.__setattr__(secret, "_value", None)
    return secret
