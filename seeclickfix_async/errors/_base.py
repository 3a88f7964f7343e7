"""The root of all errors, and those about arguments, the client, and what an answer holds."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any


def _restore(
    cls: type[SeeClickFixError], args: tuple[object, ...], data: dict[str, object]
) -> SeeClickFixError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(data)
    return error


class SeeClickFixError(Exception):
    """Whatever goes wrong in this package is one of these."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class InvalidArgumentError(SeeClickFixError, ValueError):
    """An argument was refused before anything was sent.

    Attributes:
        argument: The name of the argument that is at fault.
        reason: What is wrong with it.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument
        self.reason = reason


class InvalidDraftError(InvalidArgumentError):
    """A report has faults, all of which are told at once; nothing was sent.

    Attributes:
        errors: What is wrong, by the question's key or the argument, as in `ValidationError`;
            `base` holds what belongs to none.
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        faults = (f"{field}: {word}" for field, words in errors.items() for word in words)
        super().__init__("draft", " ".join(faults))
        self.errors: dict[str, list[str]] = dict(errors)


class FileLockedError(InvalidArgumentError):
    """Another pull or feed is writing to the same file or folder; nothing was touched.

    Attributes:
        path: The file or folder.
        process_id: The process that writes to it, which may be this one; None if it is not known.
    """

    def __init__(
        self, argument: str, path: str | PathLike[str], process_id: int | None, writer: str = "pull"
    ) -> None:
        process = "" if process_id is None else f" (process {process_id})"
        super().__init__(
            argument,
            f"another {writer}{process} is writing {fspath(path)}. Try again when it has ended.",
        )
        self.path: str = fspath(path)
        self.process_id: int | None = process_id


class ClientStateError(SeeClickFixError, RuntimeError):
    """The client cannot be used in the state that it is in."""


class ClosedClientError(ClientStateError):
    """The client, or the client that this view belongs to, has been closed."""

    def __init__(self) -> None:
        super().__init__(
            "This client is closed. Make the call inside its `async with` block, "
            "or make a new AsyncClient."
        )


class EventLoopError(ClientStateError):
    """The client, or something else with connections, is used from a second event loop."""

    def __init__(
        self, what: str = "client", advice: str = "Make one AsyncClient per event loop."
    ) -> None:
        super().__init__(
            f"This {what} already served another event loop, and its connections belong there. "
            f"{advice}"
        )


class DecodeError(SeeClickFixError):
    """The answer is not what the API promises.

    Attributes:
        path: Where, as in `issues[3].lat`; empty for the answer as a whole.
        route: The request's method and route template.
    """

    def __init__(self, reason: str, *, path: str = "", route: str = "") -> None:
        where = f" at {path}" if path else ""
        of = f" of {route}" if route else ""
        super().__init__(
            f"The answer{of} cannot be read{where}: {reason} "
            "client.request() gives the answer as it came."
        )
        self.path = path
        self.route = route


class TruncatedResultsError(SeeClickFixError):
    """The service stopped before the end of the results, without saying so.

    Attributes:
        page: The last page that was asked for.
        received: How many rows had come.
        entries: How many rows the service promised, if it said.
    """

    def __init__(
        self, reason: str, *, page: int = 0, received: int = 0, entries: int | None = None
    ) -> None:
        super().__init__(
            f"{reason} {received} of {'?' if entries is None else entries} rows came. "
            "Use client.issues.crawl(), which walks by time and is not bound by that, "
            "or narrow the query."
        )
        self.page = page
        self.received = received
        self.entries = entries


class TokenStoreError(SeeClickFixError):
    """A token cannot be read or kept, or not safely."""
