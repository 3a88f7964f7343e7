"""SeeClickFix in web applications of Starlette and FastAPI: login, client, and error responses.

    login = Login(app, endpoint, secret_key=key, on_login=welcome)
    site = Starlette(routes=login.routes())

Requires the extra `web`. The dependencies for FastAPI are in `web.fastapi` (extra `fastapi`).
"""

from seeclickfix_async._core.extras import requires_extra
from seeclickfix_async._core.public_names import publish

with requires_extra(__name__, "web", "itsdangerous", "starlette", larger="fastapi"):
    from seeclickfix_async.web._error_responses import add_error_handlers as add_error_handlers
    from seeclickfix_async.web._lifespan import get_client as get_client
    from seeclickfix_async.web._lifespan import lifespan as lifespan
    from seeclickfix_async.web._login import Login as Login

__all__ = ["Login", "add_error_handlers", "get_client", "lifespan"]

publish(__name__, [Login, add_error_handlers, get_client, lifespan])
