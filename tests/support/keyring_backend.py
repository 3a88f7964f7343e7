"""A backend of the `keyring` package, in memory."""

from __future__ import annotations

import threading

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class MemoryKeyring(KeyringBackend):
    """A keyring in memory.

    Attributes:
        passwords: By service and user name.
        unlocked: Reads wait for it, for ten seconds at most.
    """

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.passwords: dict[tuple[str, str], str] = {}
        self.unlocked = threading.Event()
        self.unlocked.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait(10)
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.passwords:
            raise PasswordDeleteError("There is no such password.")
        del self.passwords[service, username]


class FailingKeyring(KeyringBackend):
    """A keyring of which every call raises an error, with the password in a note."""

    priority = 1.0

    def __init__(self, error: Exception) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.error = error

    def set_password(self, service: str, username: str, password: str) -> None:
        self.error.add_note(password)
        raise self.error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error
