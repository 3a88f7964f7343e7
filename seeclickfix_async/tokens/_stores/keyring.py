"""Token storage in the user's keyring."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import anyio
from anyio import to_thread

try:
    import keyring
    from keyring.errors import KeyringLocked, PasswordDeleteError
    from platformdirs import user_state_path
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "KeyringStore requires the 'keyring' extra: pip install 'seeclickfix-async[keyring]'"
    ) from None

from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.encoding import decode_token, encode_token
from seeclickfix_async.tokens._stores.file import FileStore
from seeclickfix_async.tokens._stores.private_files import find_user_folder

T = TypeVar("T")

SERVICE = "seeclickfix-async"


class KeyringStore:
    """A store in the keyring of macOS, Windows or a Linux desktop.

    A keyring may wait until its owner unlocks it, which can take forever on a machine without a
    desktop; hence the timeout. A call that timed out is not cancelled: the keyring carries it out
    if it is unlocked later.

    Args:
        service: The name under which the keyring lists the tokens.
        timeout: Seconds to wait for the keyring, or a timedelta.

    Raises:
        InvalidArgumentError: `timeout` is out of range.
        TokenStoreError: There is no home folder for the files of the locks.
    """

    def __init__(self, service: str = SERVICE, *, timeout: Duration = 30.0) -> None:
        self._service = service
        self._timeout = to_seconds("timeout", timeout, 0.001, 3_600)
        # A keyring has no locks. These files do not contain tokens.
        self._locks = FileStore(find_user_folder(lambda: user_state_path(SERVICE)) / "locks")

    def __repr__(self) -> str:
        return f"<KeyringStore of {self._service!r}>"

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None.

        Raises:
            TokenStoreError: There is no keyring (code `no_keyring`), it stays locked (code
                `keyring_locked`), or the password in it is not a token.
        """
        name = validate_key(key)
        return decode_token(await self._call(lambda: keyring.get_password(self._service, name)))

    async def put(self, key: str, token: Token) -> None:
        """Store a token, and read it again: some keyrings accept a password and forget it.

        Raises:
            TokenStoreError: There is no keyring (code `no_keyring`), or it stays locked (code
                `keyring_locked`).
        """
        name, password = validate_key(key), Secret(encode_token(token))
        if not await self._call(lambda: _store(self._service, name, password)):
            raise _no_keyring("did not store the token")

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one.

        Raises:
            TokenStoreError: There is no keyring (code `no_keyring`), or it stays locked (code
                `keyring_locked`).
        """
        name = validate_key(key)
        await self._call(lambda: _delete(self._service, name))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key, among the processes of this machine."""
        return self._locks.lock(key)

    async def _call(self, function: Callable[[], T]) -> T:
        """Call the keyring in a thread; raise TokenStoreError if it fails or does not respond.

        That error does not refer to the keyring's, whose traceback contains the token.
        """
        try:
            with anyio.fail_after(self._timeout):
                return await to_thread.run_sync(function, abandon_on_cancel=True)
        except (KeyringLocked, TimeoutError):
            failure = TokenStoreError(
                "The keyring is locked, or did not respond within "
                f"{counted(self._timeout, 'second')}.",
                code="keyring_locked",
                advice="Unlock it, or use a FileStore instead.",
            )
        except Exception as error:  # noqa: BLE001  # backends raise errors of their systems, too
            failure = _no_keyring(f"cannot be used ({type(error).__name__})")
        raise failure


def _no_keyring(problem: str) -> TokenStoreError:
    return TokenStoreError(
        f"The keyring {problem}.", code="no_keyring", advice="Use a FileStore instead."
    )


def _store(service: str, name: str, password: Secret) -> bool:
    keyring.set_password(service, name, password.reveal())
    return keyring.get_password(service, name) == password.reveal()


def _delete(service: str, name: str) -> None:
    try:
        keyring.delete_password(service, name)
    except PasswordDeleteError:
        if keyring.get_password(service, name) is not None:
            raise
