"""Secret strings, and the removal of secrets from tracebacks."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast, final
from urllib.parse import quote, quote_plus

from seeclickfix_async.errors import SeeClickFixError

P = ParamSpec("P")
T = TypeVar("T")

MASK = "**********"
_SHORTEST = 4  # characters of a secret that is masked in the words of a response


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


def hide_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Remove the arguments of a function from the frames of the errors that it raises.

    Use it for a function or coroutine function with a secret as an argument. Its errors of this
    package then have no frames below the caller's; they say what happened without them.
    """
    if iscoroutinefunction(function):

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except SeeClickFixError as error:
                strip_traceback(error)
                args, kwargs = (), {}
                raise

        return cast("Callable[P, T]", functools.wraps(function)(call_async))

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SeeClickFixError as error:
            strip_traceback(error)
            args, kwargs = (), {}
            raise

    return functools.wraps(function)(call)


def hide_init_arguments(cls: type[T]) -> type[T]:
    """Hide the arguments of a class in the errors of its `__init__`, as in `hide_arguments`."""
    cls.__init__ = hide_arguments(cls.__init__)  # type: ignore[method-assign]
    return cls


def mask_error(error: SeeClickFixError, secrets: Iterable[Secret]) -> None:
    """Mask the secrets of a request in an error that quotes its response."""
    known = tuple(secrets)
    error.args = mask_secrets(error.args, known)
    vars(error).update(mask_secrets(vars(error), known))


def mask_secrets(value: T, secrets: Iterable[Secret]) -> T:
    """Mask the secrets of a request in words of its response, which may repeat them.

    Do this before the words are shortened: a part of a secret is not found.

    Args:
        value: A string, or a value of JSON with strings in it.
        secrets: The secrets; they are also found in their form encoding.
    """
    patterns = [
        form
        for secret in secrets
        if len(plain := secret.reveal()) >= _SHORTEST
        for form in (plain, quote_plus(plain), quote(plain, safe=""))
    ]
    masked: T = _mask(value, patterns)
    return masked


def _mask(value: Any, patterns: list[str]) -> Any:
    if isinstance(value, str):
        for pattern in patterns:
            value = value.replace(pattern, MASK)
        return value
    if isinstance(value, dict):
        return {_mask(key, patterns): _mask(item, patterns) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_mask(item, patterns) for item in value)
    return value


def _secret_without_value() -> Secret:
    secret = Secret("")
    object.__setattr__(secret, "_value", None)
    return secret
