"""Words of the service, to be quoted in an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.secret import Secret

_REQUEST_ID = re.compile(r"[\w.:/+=@-]{1,100}", re.ASCII)  # those of Rails have 36 characters


def shorten(words: str, longest: int = 500) -> str:
    """Return the beginning of words that are too long for a message."""
    return words if len(words) <= longest else f"{words[:longest]}..."


def parse_request_id(headers: Mapping[str, str], secrets: Iterable[Secret]) -> str:
    """Return the service's id of a request, from the header `x-request-id`; empty without one.

    A proxy or a server may send anything: the id ends at a character that ids do not have, and at
    a secret of the request.
    """
    value = headers.get("x-request-id")
    found = _REQUEST_ID.match(mask_secrets(value, secrets)) if value else None
    return found[0] if found else ""
