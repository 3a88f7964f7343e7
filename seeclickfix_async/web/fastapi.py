"""Dependencies for FastAPI: the application's client, and the view of the signed-in person.

    app = FastAPI(lifespan=lifespan(AsyncClient), responses=ERROR_RESPONSES)
    add_error_handlers(app)

    @app.get("/issues/{id}")
    async def issue(id: int, client: Client) -> Issue:
        return await client.issues.get(id)

Requires the extra `fastapi`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from seeclickfix_async._core.extras import requires_extra

with requires_extra(__name__, "fastapi", "fastapi"):
    from fastapi import Depends, HTTPException

from pydantic import BaseModel
from starlette.requests import HTTPConnection

from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.timestamps import utc_now
from seeclickfix_async.errors import ReauthorizationRequiredError
from seeclickfix_async.tokens._accounts import Accounts
from seeclickfix_async.web._error_responses import NOT_SIGNED_IN, RESPONSES
from seeclickfix_async.web._lifespan import get_client

__all__ = ["ERROR_RESPONSES", "Client", "signed_in"]

Client = Annotated[AsyncClient, Depends(get_client)]
"""The client that `web.lifespan` opened, as the type of a parameter."""


class ErrorBody(BaseModel):
    """The response for an error; `code` is missing in responses of the application itself."""

    detail: str
    code: str = ""


class InvalidField(BaseModel):
    """A value that the application refused."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidBody(BaseModel):
    """The response for invalid values.

    `detail` is a list if the application refused them. Otherwise it is a sentence, and `errors` has
    the reasons by field.
    """

    detail: str | list[InvalidField]
    code: str = ""
    errors: dict[str, list[str]] = {}


_RETRY_AFTER = {"schema": {"type": "integer"}, "description": "Seconds."}

ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": " Or: ".join(
            dict.fromkeys(response.detail for response in RESPONSES if response.status == status)
        ),
        "model": InvalidBody if status == 422 else ErrorBody,
        "headers": {"Retry-After": _RETRY_AFTER} if status == 503 else {},
    }
    for status in sorted({response.status for response in RESPONSES})
}
"""The responses of `web.add_error_handlers`, for `responses=` of `FastAPI`, a router or a route."""


_NEW = timedelta(seconds=10)


def signed_in(
    accounts: Accounts, user: Callable[..., Any], *, login: str | None = None
) -> Callable[..., AsyncIterator[AsyncClient]]:
    """Return a dependency: the view of the client that acts for the signed-in person.

        Person = Annotated[AsyncClient, Depends(signed_in(accounts, current_user))]

    A view sends nothing until it is used. Its token is refreshed when it expires.

    Args:
        accounts: The tokens of all people.
        user: A dependency of yours that returns the key of the signed-in person in `accounts`, or
            None: from the session, for example.
        login: The path of your login, such as `/login`. A page that a browser opens is redirected
            there, and back afterwards (303): without a person, or if the person's token was deleted
            or revoked. By default, for other methods than GET and for the requests of scripts, the
            response to a visitor is 401, and `ReauthorizationRequiredError` is raised for a person
            without a token, to which `add_error_handlers` responds with 401.
    """

    async def view(
        connection: HTTPConnection,
        client: AsyncClient = Depends(get_client),  # noqa: B008  # of FastAPI
        key: Any = Depends(user),  # noqa: B008
    ) -> AsyncIterator[AsyncClient]:
        redirect = _redirect_to(login, connection)
        if key is None:
            raise redirect or HTTPException(NOT_SIGNED_IN.status, NOT_SIGNED_IN.detail)
        key = str(key)
        try:
            yield client.with_options(token=accounts.source(key))
        except ReauthorizationRequiredError as error:
            # The route may act for others, too: the visitor cannot sign them in.
            if redirect is None or error.key != key:
                raise
            # A token without a refresh token that is refused at once would be so after each login.
            token = await accounts.token(key)
            if token and not token.refresh_token and utc_now() - token.created_at < _NEW:
                raise
            raise redirect from error

    return view


def _redirect_to(login: str | None, connection: HTTPConnection) -> HTTPException | None:
    """Return the redirect to the login, if the connection is a page that a browser opens."""
    # Scripts cannot follow a redirect to another site. Old browsers send no Sec-Fetch-Mode.
    mode, accepted = (connection.headers.get(name, "") for name in ("Sec-Fetch-Mode", "Accept"))
    opens_page = mode == "navigate" if mode else "text/html" in accepted
    if login is None or connection.scope.get("method") != "GET" or not opens_page:
        return None
    url = connection.url
    path = quote(url.path + (f"?{url.query}" if url.query else ""), safe="/")
    separator = "&" if "?" in login else "?"
    return HTTPException(
        303, "Sign in first.", headers={"Location": f"{login}{separator}next={path}"}
    )
