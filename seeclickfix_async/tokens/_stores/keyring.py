"""Tokens in the keyring of the person's desktop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import anyio
from anyio import to_thread

try:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError
    from platformdirs import user_state_path
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "KeyringStore needs one more step: pip install 'seeclickfix-async[keyring]'"
    ) from None

from seeclickfix_async._core import validation
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.file import FileStore, decode_token, encode_token

T = TypeVar("T")

SERVICE = "seeclickfix-async"


class KeyringStore:
    """Keeps tokens in the keyring of macOS, Windows or a Linux desktop.

    A keyring may wait for its owner to unlock it, and on a machine without a desktop there may be
    nobody to do so: hence the time limit. What ran into it cannot be taken back: the keyring does
    it when it is unlocked after all.

    Args:
        service: The name under which the keyring shows them.
        timeout: Seconds that the keyring has to answer.
    """

    def __init__(self, service: str = SERVICE, *, timeout: float = 30.0) -> None:
        validation.in_range("timeout", timeout, 0.001, 3_600, integer=False)
        self._service = service
        self._timeout = timeout
        # A keyring knows no locks; these files hold no token.
        self._locks = FileStore(user_state_path(SERVICE) / "locks")

    def __repr__(self) -> str:
        return f"<KeyringStore of {self._service!r}>"

    async def get(self, key: str) -> Token | None:
        """The token that was put last, or None.

        Raises:
            TokenStoreError: There is no keyring, it stays locked, or what it keeps is no token.
        """
        name = validate_key(key)
        kept = await self._asked(lambda: keyring.get_password(self._service, name))
        return None if kept is None else decode_token(kept)

    async def put(self, key: str, token: Token) -> None:
        """Keep a token.

        Raises:
            TokenStoreError: There is no keyring, or it stays locked.
        """
        name, text = validate_key(key), encode_token(token)
        await self._asked(lambda: keyring.set_password(self._service, name, text))

    async def delete(self, key: str) -> None:
        """Forget a token; harmless when there is none.

        Raises:
            TokenStoreError: There is no keyring, or it stays locked.
        """
        name = validate_key(key)
        await self._asked(lambda: _delete(self._service, name))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Let nobody else on this machine in."""
        return self._locks.lock(key)

    async def _asked(self, ask: Callable[[], T]) -> T:
        try:
            with anyio.fail_after(self._timeout):
                return await to_thread.run_sync(ask, abandon_on_cancel=True)
        except TimeoutError:
            raise TokenStoreError(
                f"The keyring did not answer within {counted(self._timeout, 'second')}. Unlock it, "
                "or keep the token in a FileStore."
            ) from None
        except KeyringError as error:
            raise TokenStoreError(
                f"The keyring cannot be used ({type(error).__name__}). "
                "Keep the token in a FileStore."
            ) from None


def _delete(service: str, name: str) -> None:
    try:
        keyring.delete_password(service, name)
    except PasswordDeleteError:
        if keyring.get_password(service, name) is not None:
            raise
