"""Login, callback and logout as routes."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.secret import Secret, as_secret, strip_traceback
from seeclickfix_async.errors import InvalidArgumentError, OAuthError, SeeClickFixError
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
from seeclickfix_async.oauth._parse import Now, utc_now
from seeclickfix_async.oauth._redirect import parse_redirect
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.web._error_messages import FOREIGN, TOO_LARGE, problem_for
from seeclickfix_async.web._pending_login import LoginCookies, PendingLogin
from seeclickfix_async.web._security import from_own_site, own_path, posted_answer
from seeclickfix_async.web._templates import private, problem_page, relay_page

_logger = logging.getLogger("seeclickfix_async")

OnLogin = Callable[[Request, Token, str], Awaitable[Response]]
OnError = Callable[[Request, SeeClickFixError], Awaitable[Response]]
OnLogout = Callable[[Request], Awaitable[Response]]

_SHORTEST_KEY = 32  # characters
_NAME = re.compile(r"[A-Za-z0-9._~-]+")


class Login:
    """Signs people in with SeeClickFix; who is signed in where is the application's to keep.

        async def welcome(request: Request, token: Token, next: str) -> Response:
            request.session["user"] = ...
            return RedirectResponse(next)

        login = Login(app, endpoint, secret_key=key, on_login=welcome)
        site = Starlette(routes=login.routes())

    The browser keeps the state and the verifier of each login in a signed cookie of its own, for
    one answer: a login goes through in the browser that began it and in no other, on however many
    processes, and several at once do not hinder each other. What was used is remembered in the
    process, so that a cookie that somebody saved does not work again.

    Every failure ends in a plain page that says what happened and what to do.

    Args:
        app: The application. Its redirect URI is the callback's address, as browsers see it.
        endpoint: Exchanges the code.
        secret_key: At least 32 characters that nobody knows, such as
            `secrets.token_urlsafe(32)`; the same in all processes. To change it, give a sequence
            with the new one in front, and take the old one out ten minutes later.
        on_login: Called as `on_login(request, token, next)` when somebody has signed in: keep the
            token, note in your session who it is, and answer, as with a redirect to `next`, a path
            of your own site. An error of this package that it raises ends as the others do.
        on_error: Called as `on_error(request, error)` when a login fails, instead of the plain
            page. Show its words to no person: they are yours. Requests that no page of ours
            sent are refused without it.
        on_logout: Called as `on_logout(request)` when a form of your site posts to the logout:
            forget who it was, and revoke the token, as with `Accounts.sign_out`. Without it there
            is no logout.
        kind: `code`; or `implicit`, whose answer is in the fragment, which no server sees: a
            page with a script then takes it from there and posts it to the callback.
        scope: Scope names, or one string with spaces between; none for the provider's default.
        max_age: How many seconds a login may take.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidArgumentError: An argument cannot be used.
    """

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
        max_age: float = MAX_AGE,
        now: Now = utc_now,
    ) -> None:
        flow = begin(app, kind, scope, max_age=max_age)  # what cannot begin is refused now
        self._app = app
        self._endpoint = endpoint
        self._on_login = on_login
        self._on_error = on_error
        self._on_logout = on_logout
        self._kind: FlowKind = kind
        self._scope = flow.scope
        self._max_age = flow.max_age
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

    def routes(self) -> list[Route]:
        """The routes, side by side: `/login`, the callback, and `/logout` if there is one.

        The callback's is the last part of the redirect URI's path. When that has more parts,
        mount them: `Mount("/auth", routes=login.routes())` for `https://app.example/auth/callback`.

        `GET /login?next=/some/page` begins a login. Logging out is a POST of a page of your own.
        """
        posts = self._kind == "implicit"
        routes = [
            Route("/login", self._login, methods=["GET"], name="scf_login"),
            Route(
                f"/{self._callback_name}",
                self._callback,
                methods=["GET", "POST"] if posts else ["GET"],
                name="scf_callback",
            ),
        ]
        if self._on_logout is not None:
            routes.append(Route("/logout", self._logout, methods=["POST"], name="scf_logout"))
        return routes

    async def _login(self, request: Request) -> Response:
        flow = begin(self._app, self._kind, self._scope, max_age=self._max_age, now=self._now)
        response = RedirectResponse(flow.url, 302)
        path = own_path(request.query_params.get("next", "/"))
        self._cookies.keep(request, response, flow, path)
        return private(response)

    async def _callback(self, request: Request) -> Response:
        if request.method == "POST":
            return private(await self._posted(request))
        # Some providers put an error into the query in the implicit flow too (observed).
        if self._kind == "implicit" and "error" not in request.query_params:
            return private(relay_page())
        # Behind a proxy the request's own URL is not the redirect URI: only its query counts.
        query = Secret("?" + request.scope["query_string"].decode("ascii", "replace"))
        return private(await self._finished(request, query))

    async def _posted(self, request: Request) -> Response:
        if not from_own_site(request, self._origin):
            return problem_page(FOREIGN, "/")
        answer = await posted_answer(request)
        if answer is None:
            return problem_page(TOO_LARGE, "/")
        return await self._finished(request, answer)

    async def _finished(self, request: Request, answer: Secret) -> Response:
        """What the application answers, or what a person is told of the failure."""
        kept: PendingLogin | None = None
        try:
            kept = self._kept(request, answer)
            token = await self._token(kept.flow, answer)
            response = await self._on_login(request, token, kept.next)
        except SeeClickFixError as error:
            response = await self._failed(request, error, kept.next if kept else "/")
        if kept is not None:
            self._cookies.forget(response, kept.name)
        return response

    def _kept(self, request: Request, answer: Secret) -> PendingLogin:
        try:
            return self._cookies.take(request, parse_redirect(answer.reveal()).get("state"))
        except OAuthError as error:
            strip_traceback(error)  # they hold what came back
            raise

    async def _token(self, flow: Flow, answer: Secret) -> Token:
        came = finish(flow, answer.reveal(), now=self._now)
        return await self._endpoint.exchange(came) if isinstance(came, AuthorizationCode) else came

    async def _failed(self, request: Request, error: SeeClickFixError, path: str) -> Response:
        problem = problem_for(error)
        level = logging.ERROR if problem.status >= 500 else logging.INFO
        _logger.log(level, "A login ended with %s.", type(error).__name__)
        if self._on_error is not None:
            return await self._on_error(request, error)
        return problem_page(problem, path)

    async def _logout(self, request: Request) -> Response:
        if self._on_logout is None or not from_own_site(request, self._origin):
            return private(problem_page(FOREIGN, "/"))
        return private(await self._on_logout(request))


def _callback_name(redirect_uri: str) -> str:
    """The last part of the redirect URI's path, which has to be a page of a web site."""
    parts = urlsplit(redirect_uri)
    name = parts.path.rpartition("/")[2]
    if parts.scheme.lower() not in ("http", "https") or not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            "app", "needs a redirect URI like https://app.example/callback, which ends in a name."
        )
    if name in ("login", "logout"):
        raise InvalidArgumentError("app", f"has {name!r} for a callback; that route is another.")
    return name


def _keys(given: str | Secret | Sequence[str | Secret]) -> list[Secret]:
    keys = (given,) if isinstance(given, (str, Secret)) else given or ()
    what = f"keys of at least {_SHORTEST_KEY} characters, such as secrets.token_urlsafe(32)"
    return [
        as_secret(key)
        for key in validation.non_empty_tuple("secret_key", keys, what, _is_key) or ()
    ]


def _is_key(key: object) -> bool:
    return isinstance(key, (str, Secret)) and len(as_secret(key).reveal()) >= _SHORTEST_KEY
