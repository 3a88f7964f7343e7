"""The log records of the HTTP library, left out for the clients of this package.

httpx logs each URL at INFO, with the tokens of watch areas, coordinates and search words in it.
httpcore logs the headers of responses at DEBUG, some of which repeat the URL. A filter on their
loggers drops the records of our own clients; those of other clients in the process pass.
"""

from __future__ import annotations

import functools
import logging
from contextvars import ContextVar

# A logger's filter does not apply to the loggers below it.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)

in_own_client: ContextVar[bool] = ContextVar("in_own_client", default=False)
"""Whether one of our own clients is sending a request in this task."""


def _is_of_another_client(_record: logging.LogRecord) -> bool:
    return not in_own_client.get()


@functools.cache
def add_filters() -> None:
    """Add the filter to the loggers of the library, once in a process."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_of_another_client)
