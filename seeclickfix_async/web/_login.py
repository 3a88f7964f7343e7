"""The routes for login, callback and logout."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.secret import Secret, as_secret, strip_traceback
from seeclickfix_async._core.timestamps import Now, utc_now
from seeclickfix_async.errors import (
    AuthenticationError,
    InvalidArgumentError,
    InvalidRedirectError,
    OAuthError,
    SeeClickFixError,
)
from seeclickfix_async.oauth import (
    Application,
    AuthorizationCode,
    Flow,
    FlowKind,
    Token,
    begin,
    finish,
)
from seeclickfix_async.oauth._flow import MAX_AGE
from seeclickfix_async.oauth._redirect import parse_redirect
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.web._error_messages import FOREIGN, TOO_LARGE, problem_for
from seeclickfix_async.web._pending_login import LoginCookies, PendingLogin
from seeclickfix_async.web._security import as_own_path, is_from_own_site, read_posted_fragment
from seeclickfix_async.web._templates import private, problem_page, relay_page

_logger = logging.getLogger("seeclickfix_async.web")

OnLogin = Callable[[Request, Token, str], Awaitable[Response]]
OnError = Callable[[Request, SeeClickFixError], Awaitable[Response]]
OnLogout = Callable[[Request], Awaitable[Response]]

_MIN_KEY_LENGTH = 32  # characters
_NAME = re.compile(r"[A-Za-z0-9._~-]+")


class Login:
    """A login with SeeClickFix; the application keeps its own sessions.

        async def welcome(request: Request, token: Token, next: str) -> Response:
            request.session["user"] = ...
            return RedirectResponse(next)

        login = Login(app, endpoint, secret_key=key, on_login=welcome)
        site = Starlette(routes=login.routes())

    The browser stores the state and the verifier of each login in a signed cookie of its own. A
    login can only be finished once, in the browser that started it, by any process of the site;
    several logins at once do not affect each other. Each process remembers the logins that it has
    finished, so that a copy of a cookie does not work a second time.

    Every failure ends with a plain page that says what happened and what to do.

    Args:
        app: The application. Its redirect URI is the callback's address, as browsers see it.
        endpoint: The endpoint that exchanges the code for a token, or verifies the token of the
            implicit flow.
        secret_key: A secret of at least 32 characters, such as `secrets.token_urlsafe(32)`; the
            same in all processes. To change it, pass a sequence with the new key first, and remove
            the old one ten minutes later.
        on_login: Called as `on_login(request, token, next)` after a login. It stores the token and
            the user's session, and returns the response, such as a redirect to `next`, a path of
            your own site. An error of this package that it raises is handled like the others.
        on_error: Called as `on_error(request, error)` when a login fails, instead of the plain
            page. The error's message is for developers; do not show it to users. Requests from
            other sites are refused without a call.
        on_logout: Called as `on_logout(request)` when a form of your site posts to the logout. It
            ends the session and revokes the token, as with `Accounts.sign_out`. Without it there
            is no logout.
        kind: `code`; or `implicit`, whose response is in the fragment, which browsers do not send:
            a page with a script then posts it to the callback. Its token is verified with a request
            to the provider, since the browser may have brought one of another application.
        scope: Scope names, or one string separated by spaces; by default the provider's default.
        max_age: Seconds that a login may take, or a timedelta.
        extra: More parameters of the authorization URL, as for `oauth.begin()`.
        now: Returns the current time, with a time zone; for tests.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """

    @hide_arguments
    def __init__(
        self,
        app: Application,
        endpoint: TokenEndpoint,
        *,
        secret_key: str | Secret | Sequence[str | Secret],
        on_login: OnLogin,
        on_error: OnError | None = None,
        on_logout: OnLogout | None = None,
        kind: FlowKind = "code",
        scope: str | Iterable[str] = (),
        max_age: Duration = MAX_AGE,
        extra: Mapping[str, str] | None = None,
        now: Now = utc_now,
    ) -> None:
        # Refuses invalid arguments now.
        flow = begin(app, kind, scope, max_age=max_age, extra=extra)
        self._app = app
        self._endpoint = endpoint
        self._on_login = on_login
        self._on_error = on_error
        self._on_logout = on_logout
        self._kind: FlowKind = kind
        self._scope = flow.scope
        self._max_age = flow.max_age
        self._extra = dict(extra or {})
        self._now = now
        self._callback_name = _callback_name(app.redirect_uri)
        self._origin = parse_origin(app.redirect_uri)
        self._cookies = LoginCookies(
            _keys(secret_key),
            purpose=f"{kind} {app.client_id} {app.redirect_uri}",
            secure=self._origin[0] == "https",
            max_age=flow.max_age,
            now=now,
        )
        if not self._cookies.fits(flow):
            raise InvalidArgumentError(
                "scope", "is too long for a cookie, or the redirect URI or `extra` is."
            )

    def routes(self) -> list[BaseRoute]:
        """Return the routes: `/login`, the callback, and `/logout` with `on_logout`.

        The callback's route is the last segment of the redirect URI's path. Mount the routes if
        that has more: `Mount("/auth", routes=login.routes())` for
        `https://app.example/auth/callback`.

        `GET /login?next=/some/page` starts a login. A logout is a POST from a page of your own.
        """
        methods = ["GET", "POST"] if self._kind == "implicit" else ["GET"]
        routes: list[BaseRoute] = [
            Route("/login", self._login, methods=["GET"], name="scf_login"),
            Route(
                f"/{self._callback_name}",
                self._callback,
                methods=methods,
                name="scf_callback",
            ),
        ]
        if self._on_logout is not None:
            routes.append(Route("/logout", self._logout, methods=["POST"], name="scf_logout"))
        return routes

    async def _login(self, request: Request) -> Response:
        flow = begin(
            self._app,
            self._kind,
            self._scope,
            max_age=self._max_age,
            extra=self._extra,
            now=self._now,
        )
        response = RedirectResponse(flow.url, 302)
        path = as_own_path(request.query_params.get("next", "/"))
        self._cookies.add(request, response, flow, path)
        return private(response)

    async def _callback(self, request: Request) -> Response:
        if request.method == "HEAD":  # of Starlette's routes with GET; it must change nothing
            return private(Response())
        if request.method == "POST":
            return private(await self._handle_post(request))
        # Some providers put an error in the query of the implicit flow, too (observed).
        if self._kind == "implicit" and "error" not in request.query_params:
            return private(relay_page())
        # Behind a proxy the request's own URL is not the redirect URI: only the query is used.
        query = Secret("?" + request.scope["query_string"].decode("ascii", "replace"))
        return private(await self._finish(request, query))

    async def _handle_post(self, request: Request) -> Response:
        if not is_from_own_site(request, self._origin):
            return problem_page(FOREIGN, "/")
        fragment = await read_posted_fragment(request)
        if fragment is None:
            return problem_page(TOO_LARGE, "/")
        return await self._finish(request, fragment)

    async def _finish(self, request: Request, redirected: Secret) -> Response:
        """Finish a login, and return the application's response or a page for the failure."""
        login: PendingLogin | None = None
        try:
            login = self._take_login(request, redirected)
            token = await self._fetch_token(login.flow, redirected)
            response = await self._on_login(request, token, login.next)
        except SeeClickFixError as error:
            response = await self._handle_error(request, error, login.next if login else "/")
        if login is not None:
            self._cookies.delete(response, login.name)
        return response

    def _take_login(self, request: Request, redirected: Secret) -> PendingLogin:
        try:
            return self._cookies.take(request, parse_redirect(redirected.reveal()).get("state"))
        except OAuthError as error:
            strip_traceback(error)  # its frames contain the code or the token
            raise

    async def _fetch_token(self, flow: Flow, redirected: Secret) -> Token:
        result = finish(flow, redirected.reveal(), now=self._now)
        if isinstance(result, AuthorizationCode):
            return await self._endpoint.exchange(result)
        try:
            await self._endpoint.verify(result)  # the browser may have brought any token
        except AuthenticationError:
            raise InvalidRedirectError("The provider does not accept the token.") from None
        return result

    async def _handle_error(self, request: Request, error: SeeClickFixError, path: str) -> Response:
        problem = problem_for(error)
        level = logging.ERROR if problem.status >= 500 else logging.INFO
        if problem.status == 503:  # the quota is used up, which ends by itself
            level = logging.WARNING
        _logger.log(level, "A login failed with %s.", type(error).__name__)
        if self._on_error is not None:
            return await self._on_error(request, error)
        return problem_page(problem, path)

    async def _logout(self, request: Request) -> Response:
        if self._on_logout is None or not is_from_own_site(request, self._origin):
            return private(problem_page(FOREIGN, "/"))
        return private(await self._on_logout(request))


def _callback_name(redirect_uri: str) -> str:
    """Return the last segment of the redirect URI's path, which must be on a web site."""
    parts = urlsplit(redirect_uri)
    name = parts.path.rpartition("/")[2]
    if parts.scheme.lower() not in ("http", "https") or not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            "app",
            "needs a redirect URI that ends in a name, such as https://app.example/callback.",
        )
    if name in ("login", "logout"):
        raise InvalidArgumentError("app", f"cannot use {name!r} as callback: another route has it.")
    return name


def _keys(secret_key: str | Secret | Sequence[str | Secret]) -> list[Secret]:
    keys = (secret_key,) if isinstance(secret_key, (str, Secret)) else secret_key or ()
    what = f"keys of at least {_MIN_KEY_LENGTH} characters, such as secrets.token_urlsafe(32)"
    return list(validation.non_empty_tuple("secret_key", keys, what, _to_key) or ())


def _to_key(key: object) -> Secret | None:
    secret = as_secret(key) if isinstance(key, (str, Secret)) else None
    return secret if secret is not None and len(secret.reveal()) >= _MIN_KEY_LENGTH else None
