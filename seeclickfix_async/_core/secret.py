"""Secret strings, and the removal of secrets from tracebacks."""

from __future__ import annotations

import hmac
from typing import Any, final

MASK = "**********"


@final
class Secret:
    """A string that is masked in repr, str, format, logs, tracebacks and pickles.

    Only `reveal()` returns the value. A pickle does not contain it: `reveal()` of an unpickled
    secret raises an error.

        >>> Secret("example")
        Secret('**********')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: str | None = value

    def reveal(self) -> str:
        """Return the value.

        Raises:
            ValueError: The secret was unpickled; pickles do not contain the value.
        """
        if self._value is None:
            raise ValueError("This secret was pickled; pickles do not contain the value.")
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, so that the duration does not reveal the value."""
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
        return _secret_without_value, ()


def as_secret(value: str | Secret) -> Secret:
    """Return a string as a `Secret`, or a `Secret` unchanged."""
    return value if isinstance(value, Secret) else Secret(value)


def strip_traceback(error: BaseException | None) -> None:
    """Remove the frames of an error, its causes and contexts: error trackers show their locals.

    The locals contain secrets.
    """
    while error is not None:
        error.__traceback__ = None
        vars(error).pop("_request", None)  # the HTTP library's errors contain the sent request
        error = error.__cause__ or error.__context__


def _secret_without_value() -> Secret:
    secret = Secret("")
    object.__setattr__(secret, "_value", None)
    return secret
