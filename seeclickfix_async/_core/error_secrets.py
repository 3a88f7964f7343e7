"""Removal of secrets from errors: from their frames, and from the words of a response."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import quote, quote_plus

from seeclickfix_async._core.secret import MASK, Secret, strip_traceback
from seeclickfix_async.errors import SeeClickFixError

P = ParamSpec("P")
T = TypeVar("T")

_SHORTEST = 4  # characters of a secret that is masked in the words of a response
_ESCAPE = re.compile("%[0-9A-F]{2}")
_DEEPEST = 50  # levels of a body that are examined; deeper ones are masked


def hide_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Remove the arguments of a function from the frames of the errors that it raises.

    Use it for a function or coroutine function with a secret as an argument. Its errors of this
    package then have no frames below the caller's; they say what happened without them. Other
    errors, such as that of a wrong name of an argument, keep the frames of the function itself.
    """
    if iscoroutinefunction(function):

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                args, kwargs = (), {}
                if isinstance(error, SeeClickFixError):
                    strip_traceback(error)
                raise

        return cast("Callable[P, T]", functools.wraps(function)(call_async))

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            args, kwargs = (), {}
            if isinstance(error, SeeClickFixError):
                strip_traceback(error)
            raise

    return functools.wraps(function)(call)


def hide_init_arguments(cls: type[T]) -> type[T]:
    """Hide the arguments of a class in the errors of its `__init__`, as in `hide_arguments`."""
    cls.__init__ = hide_arguments(cls.__init__)  # type: ignore[method-assign]
    return cls


def mask_secrets(value: T, secrets: Iterable[Secret]) -> T:
    """Mask the secrets of a request in words of its response, which may repeat them.

    Do this before the words are shortened: a part of a secret is not found.

    Args:
        value: A string, or a value of JSON with strings in it.
        secrets: The secrets; they are also found in their form encoding.
    """
    patterns: list[str] = []
    for secret in secrets:
        plain = secret.reveal()
        if len(plain) >= _SHORTEST:
            encoded = quote_plus(plain), quote(plain, safe="")
            patterns += (plain, *encoded, *map(_lower_escapes, encoded))
    masked: T = _mask(value, patterns)
    return masked


def _lower_escapes(encoded: str) -> str:
    return _ESCAPE.sub(lambda escape: escape[0].lower(), encoded)


def _mask(value: Any, patterns: list[str], depth: int = 0) -> Any:
    if isinstance(value, str):
        for pattern in patterns:
            value = value.replace(pattern, MASK)
        return value
    if depth > _DEEPEST and isinstance(value, (dict, list)):
        return MASK
    if isinstance(value, dict):
        return {
            _mask(key, patterns): _mask(item, patterns, depth + 1) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_mask(item, patterns, depth + 1) for item in value)
    return value
