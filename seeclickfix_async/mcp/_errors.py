"""Errors of a tool, in words for the model and the person who reads with it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from mcp.server.mcpserver.exceptions import ToolError

from seeclickfix_async._core.variables import TOKEN_VARIABLE
from seeclickfix_async.errors import (
    InvalidArgumentError,
    IssueMayExistError,
    RateLimitedError,
    SeeClickFixError,
    TruncatedResultsError,
)
from seeclickfix_async.mcp._texts import clean

P = ParamSpec("P")
T = TypeVar("T")

_LIMIT = 2000  # characters; a refusal may quote the service

# The parameters of tools that have another name in the library.
_PARAMETERS = {
    "area": "place, near or box",
    "page": "cursor",
    "per_page": "limit",
    "place_url": "place",
    "radius": "radius_m",
    "request_types": "request_type_id",
    "search": "text",
}
_SIGN_IN = f"The server has no valid token: its owner uses scf login, or sets {TOKEN_VARIABLE}."
_CHECK = "It may have been received. Look at the issue with show_issue before you repeat it."
# The next step by error code. The library's own advice is about Python.
_ADVICE = {
    "blocked": "Stop, and report to the person that the service refuses this program.",
    "not_found": "Check the number.",
    "not_signed_in": _SIGN_IN,
    "reauthorization_required": _SIGN_IN,
    "response_lost": _CHECK,
    "response_timeout": _CHECK,
    "unauthenticated": _SIGN_IN,
}


def translated(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Return a tool that raises errors of the package as errors of the tool."""

    @wraps(tool)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except SeeClickFixError as error:
            raise ToolError(clean(_describe(error), _LIMIT)) from None

    return call


def _describe(error: SeeClickFixError) -> str:
    match error:
        case RateLimitedError():
            seconds = 60 if error.retry_after is None else max(1, math.ceil(error.retry_after))
            return f"The quota of the service is used up. Try again in {seconds} seconds."
        case IssueMayExistError():
            return (
                "No response was received, and the issue may exist. Look for it with "
                "search_issues around the point before you report it again."
            )
        case InvalidArgumentError():
            return f"{_PARAMETERS.get(error.argument, error.argument)}: {error.reason}"
        case TruncatedResultsError():
            return f"{error.message} Narrow the search: another period, area or category."
        case _:
            return f"{error.message} {_ADVICE.get(error.code, '')}"
