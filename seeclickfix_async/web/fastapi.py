"""Dependencies for FastAPI: the application's client, and the view of the signed-in person.

    app = FastAPI(lifespan=lifespan(AsyncClient))
    add_error_handlers(app)

    @app.get("/issues/{id}")
    async def issue(id: int, client: Client) -> Issue:
        return await client.issues.get(id)

Requires the extra `fastapi`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote

try:
    from fastapi import Depends, HTTPException
except ModuleNotFoundError as _error:
    if _error.name != "fastapi":
        raise
    raise ModuleNotFoundError(
        "seeclickfix_async.web.fastapi requires the 'fastapi' extra: "
        "pip install 'seeclickfix-async[fastapi]'",
        name="fastapi",
    ) from None
from starlette.requests import HTTPConnection

from seeclickfix_async._client import AsyncClient
from seeclickfix_async.tokens._accounts import Accounts
from seeclickfix_async.web._lifespan import get_client

__all__ = ["Client", "signed_in"]

Client = Annotated[AsyncClient, Depends(get_client)]
"""The client that `web.lifespan` opened, as the type of a parameter."""


def signed_in(
    accounts: Accounts, user: Callable[..., Any], *, login: str | None = None
) -> Callable[..., Awaitable[AsyncClient]]:
    """Return a dependency: the view of the client that acts for the signed-in person.

        Person = Annotated[AsyncClient, Depends(signed_in(accounts, current_user))]

    A view sends nothing until it is used. Its token is refreshed when it expires.

    Args:
        accounts: The tokens of all people.
        user: A dependency of yours that returns the key of the signed-in person in `accounts`, or
            None: from the session, for example.
        login: The path of your login, such as `/login`. A page that a browser opens is redirected
            there, and back afterwards (303). By default, and for other methods than GET, the
            response to a visitor is 401.
    """

    async def view(
        connection: HTTPConnection,
        client: AsyncClient = Depends(get_client),  # noqa: B008  # of FastAPI
        key: Any = Depends(user),  # noqa: B008
    ) -> AsyncClient:
        if key is None:
            raise _not_signed_in(connection, login)
        return client.with_options(token=accounts.source(str(key)))

    return view


def _not_signed_in(connection: HTTPConnection, login: str | None) -> HTTPException:
    if login is None or connection.scope.get("method") != "GET":
        return HTTPException(401, "Sign in with SeeClickFix first.")
    url = connection.url
    path = quote(url.path + (f"?{url.query}" if url.query else ""), safe="/")
    separator = "&" if "?" in login else "?"
    return HTTPException(
        303, "Sign in first.", headers={"Location": f"{login}{separator}next={path}"}
    )
