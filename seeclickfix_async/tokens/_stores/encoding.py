"""The JSON in which stores keep a token."""

from __future__ import annotations

import json

from seeclickfix_async._core.secret import MASK
from seeclickfix_async.errors import InvalidArgumentError, TokenStoreError
from seeclickfix_async.oauth._token import Token

MAX_LENGTH = 1_048_576
"""Bytes of stored JSON that are read; a longer token does not fit into a header."""


def encode_token(token: Token) -> str:
    """Return the JSON to store for a token."""
    return json.dumps(token.to_dict())


def decode_token(data: bytes | str | None) -> Token | None:
    """Return the token of stored JSON, or None if nothing is stored.

    Call it with what the store returned, without a variable for it: tracebacks show locals.

    Raises:
        TokenStoreError: The data is not a token.
    """
    if data is None:
        return None
    try:
        if len(data) <= MAX_LENGTH:
            return Token.from_dict(json.loads(data))
    except (ValueError, RecursionError, InvalidArgumentError):
        pass  # an error of the decoder contains the data: the one below must not refer to it
    data = MASK
    raise TokenStoreError("The stored data is not a token. Delete it, and sign in again.")
