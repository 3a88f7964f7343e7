"""The base class of all errors, and errors about arguments, the client and unreadable responses."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

_NARROW = (
    "Use client.issues.crawl(), which is not subject to the service's page limit, or narrow the "
    "query."
)


def _restore(
    cls: type[SeeClickFixError], args: tuple[object, ...], data: dict[str, object]
) -> SeeClickFixError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(data)
    return error


class SeeClickFixError(Exception):
    """Base class of all errors in this package.

    `str(error)` is the message, followed by the advice and the request id.

    Attributes:
        code: A stable identifier in snake_case. A program that shows errors to its users chooses
            its own words by class and code.
        message: What happened.
        advice: What a caller of this library can do next, or an empty string.
        requests: How many requests the failed call sent, redirects and retries included; 0 if it
            failed for another reason than a request.
        request_id: The service's id of the request (`x-request-id`), by which its operators find it
            in their logs; empty if there was no response, or none with an id.
    """

    code: str = "error"
    requests: int = 0
    request_id: str = ""

    def __init__(self, message: str, *, code: str = "", advice: str = "") -> None:
        super().__init__(f"{message} {advice}".rstrip())
        self.message = message
        self.advice = advice
        if code:
            self.code = code

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} (Request id: {self.request_id})" if self.request_id else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class InvalidArgumentError(SeeClickFixError, ValueError):
    """An argument was refused before anything was sent, or a file that it names failed later.

    Attributes:
        argument: The name of the invalid argument.
        reason: What is wrong with it.
        errors: The reason by the argument's name, as in `ValidationError`.
    """

    code = "invalid_argument"

    def __init__(self, argument: str, reason: str, *, code: str = "", advice: str = "") -> None:
        super().__init__(f"{argument}: {reason}", code=code, advice=advice)
        self.argument = argument
        self.reason = reason
        self.errors: dict[str, list[str]] = {argument: [reason]}


class InvalidDraftError(InvalidArgumentError):
    """A report is invalid; nothing was sent. The error lists all faults at once.

    Attributes:
        errors: The faults, by the question's key or the argument's name, as in
            `ValidationError`; `base` lists those of the report as a whole.
    """

    code = "invalid_draft"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        faults = [f"{field}: {reason}" for field, reasons in errors.items() for reason in reasons]
        super().__init__("draft", " ".join(faults))
        self.errors: dict[str, list[str]] = dict(errors)


class FileLockedError(InvalidArgumentError):
    """Another pull or feed is writing to the same file or folder; nothing was changed.

    Attributes:
        path: The file or folder.
        process_id: The process that writes to it, which may be this one; None if it is unknown.
    """

    code = "file_locked"

    def __init__(
        self, argument: str, path: str | PathLike[str], process_id: int | None, writer: str = "pull"
    ) -> None:
        process = "" if process_id is None else f" (process {process_id})"
        super().__init__(
            argument,
            f"another {writer}{process} is writing {fspath(path)}.",
            advice="Try again when it has ended.",
        )
        self.path: str = fspath(path)
        self.process_id: int | None = process_id


class ClientStateError(SeeClickFixError, RuntimeError):
    """The client cannot be used in its present state."""

    code = "client_state"


class ClosedClientError(ClientStateError):
    """The client, or the client that this view belongs to, is closed."""

    code = "client_closed"

    def __init__(self) -> None:
        super().__init__(
            "This client is closed.",
            advice="Make the call inside its `async with` block, or make a new AsyncClient.",
        )


class EventLoopError(ClientStateError):
    """A client, or another object with connections, is used from a second event loop."""

    code = "event_loop"

    def __init__(
        self,
        what: str = "client",
        advice: str = "Make one AsyncClient per event loop; in a web application, "
        "seeclickfix_async.web.lifespan does that at each start.",
    ) -> None:
        super().__init__(
            f"This {what} was used in another event loop, and its connections belong to that loop.",
            advice=advice,
        )


class DecodeError(SeeClickFixError):
    """A response does not have the form that the API documents.

    Attributes:
        path: The invalid part, such as `issues[3].lat`; empty for the whole response.
        route: The request's method and route template.
    """

    code = "unreadable_response"

    def __init__(self, reason: str, *, path: str = "", route: str = "") -> None:
        to_route = f" to {route}" if route else ""
        at_path = f" at {path}" if path else ""
        super().__init__(
            f"The response{to_route} cannot be read{at_path}: {reason}",
            advice="client.request() returns the response undecoded.",
        )
        self.path = path
        self.route = route


class TruncatedResultsError(SeeClickFixError):
    """The service stopped before the end of the results, without an error of its own.

    Attributes:
        page: The number of the last page requested.
        received: The number of rows received.
        entries: The number of rows that the service announced; None if it announced none.
    """

    code = "truncated_results"

    def __init__(
        self,
        reason: str,
        *,
        page: int = 0,
        received: int = 0,
        entries: int | None = None,
        advice: str = _NARROW,
    ) -> None:
        total = "an unknown number of" if entries is None else entries
        super().__init__(f"{reason} {received} of {total} rows were received.", advice=advice)
        self.page = page
        self.received = received
        self.entries = entries


class TokenStoreError(SeeClickFixError):
    """A token cannot be read or stored, or not safely."""

    code = "token_store"
