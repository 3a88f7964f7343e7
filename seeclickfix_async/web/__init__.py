"""A login with SeeClickFix for web applications: Starlette, and FastAPI.

    login = Login(app, endpoint, secret_key=key, on_login=welcome)
    site = Starlette(routes=login.routes())

Requires the extra `web`.
"""

from seeclickfix_async._core.public_names import publish

try:
    from seeclickfix_async.web._login import Login as Login
except ModuleNotFoundError as _error:
    if str(_error.name).partition(".")[0] not in ("itsdangerous", "starlette"):
        raise
    raise ModuleNotFoundError(
        "seeclickfix_async.web requires the 'web' extra: pip install 'seeclickfix-async[web]'",
        name=_error.name,
    ) from None

__all__ = ["Login"]

publish(__name__, [Login])
