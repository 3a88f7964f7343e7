"""Token storage in the user's keyring."""

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
        "KeyringStore requires the 'keyring' extra: pip install 'seeclickfix-async[keyring]'"
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
    """A store in the keyring of macOS, Windows or a Linux desktop.

    A keyring may wait until its owner unlocks it, which can take forever on a machine without a
    desktop; hence the timeout. A call that timed out is not cancelled: the keyring carries it out
    if it is unlocked later.

    Args:
        service: The name under which the keyring lists the tokens.
        timeout: Seconds to wait for the keyring.
    """

    def __init__(self, service: str = SERVICE, *, timeout: float = 30.0) -> None:
        validation.in_range("timeout", timeout, 0.001, 3_600, integer=False)
        self._service = service
        self._timeout = timeout
        # A keyring has no locks. These files do not contain tokens.
        self._locks = FileStore(user_state_path(SERVICE) / "locks")

    def __repr__(self) -> str:
        return f"<KeyringStore of {self._service!r}>"

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None.

        Raises:
            TokenStoreError: There is no keyring, it stays locked, or the password in it is not a
                token.
        """
        name = validate_key(key)
        password = await self._call(lambda: keyring.get_password(self._service, name))
        return None if password is None else decode_token(password)

    async def put(self, key: str, token: Token) -> None:
        """Store a token.

        Raises:
            TokenStoreError: There is no keyring, or it stays locked.
        """
        name, password = validate_key(key), encode_token(token)
        await self._call(lambda: keyring.set_password(self._service, name, password))

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one.

        Raises:
            TokenStoreError: There is no keyring, or it stays locked.
        """
        name = validate_key(key)
        await self._call(lambda: _delete(self._service, name))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key, among the processes of this machine."""
        return self._locks.lock(key)

    async def _call(self, function: Callable[[], T]) -> T:
        """Call the keyring in a thread; raise TokenStoreError if it fails or does not respond."""
        try:
            with anyio.fail_after(self._timeout):
                return await to_thread.run_sync(function, abandon_on_cancel=True)
        except TimeoutError:
            raise TokenStoreError(
                f"The keyring did not respond within {counted(self._timeout, 'second')}. "
                "Unlock it, or use a FileStore instead."
            ) from None
        except KeyringError as error:
            raise TokenStoreError(
                f"The keyring cannot be used ({type(error).__name__}). Use a FileStore instead."
            ) from None


def _delete(service: str, name: str) -> None:
    try:
        keyring.delete_password(service, name)
    except PasswordDeleteError:
        if keyring.get_password(service, name) is not None:
            raise
