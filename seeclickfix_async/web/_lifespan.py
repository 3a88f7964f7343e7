"""One client for all requests of an application, open from its start to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.requests import HTTPConnection

from seeclickfix_async._client import AsyncClient
from seeclickfix_async.errors import ClientStateError, InvalidArgumentError
from seeclickfix_async.tokens._endpoint import TokenEndpoint

_STATE = "seeclickfix_client"

State = Mapping[str, Any]
AppLifespan = Callable[[Any], AbstractAsyncContextManager[State | None]]


def lifespan(
    make_client: Callable[[], AsyncClient],
    *,
    endpoint: TokenEndpoint | None = None,
    app_lifespan: AppLifespan | None = None,
) -> Callable[[Any], AbstractAsyncContextManager[State]]:
    """Return the lifespan of an application, which opens a client at each start.

        app = FastAPI(lifespan=lifespan(AsyncClient))

    The application can be started again, as each `with TestClient(app):` does: every start makes a
    client of its own. `get_client` returns it, also in mounted applications.

    Args:
        make_client: Makes the client, such as `lambda: AsyncClient(contact="you@example.org")`.
        endpoint: The token endpoint of a `Login` or of `Accounts`, which is opened and closed too.
        app_lifespan: The application's own lifespan, entered after these and left before them. The
            state that it yields is kept.

    Raises:
        InvalidArgumentError: `make_client` is not a function.
    """
    if not callable(make_client):
        raise InvalidArgumentError(
            "make_client", "must be a function that makes a client: lambda: AsyncClient(...)."
        )

    @asynccontextmanager
    async def open_client(app: Any) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            if endpoint is not None:
                await stack.enter_async_context(endpoint)
            client = await stack.enter_async_context(make_client())
            state: State | None = None
            if app_lifespan is not None:
                state = await stack.enter_async_context(app_lifespan(app))
            yield {**(state or {}), _STATE: client}

    return open_client


async def get_client(connection: HTTPConnection) -> AsyncClient:
    """Return the client that the application's lifespan opened.

    A dependency of FastAPI, and a function for the endpoints of Starlette, which pass their request
    or their web socket.

    Raises:
        ClientStateError: The application has no such lifespan, or was not started.
    """
    client = getattr(connection.state, _STATE, None)
    if not isinstance(client, AsyncClient):
        raise ClientStateError(
            "This application has no client of SeeClickFix.",
            advice="Pass lifespan=lifespan(make_client) to the application, and start it: in tests "
            "with `with TestClient(app)`.",
        )
    return client
