"""`scf login` and `scf logout`."""

from __future__ import annotations

import getpass
import queue
import sys
import threading
import webbrowser
from datetime import UTC, datetime, time
from typing import Annotated

import anyio
import attrs
from anyio import to_thread
from cyclopts import Parameter

from seeclickfix_async import SeeClickFixError, TokenEndpoint
from seeclickfix_async._cli import session
from seeclickfix_async._cli.environment import find_secret
from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.interrupts import immediate_interrupts
from seeclickfix_async._cli.listener import listening
from seeclickfix_async._cli.messages import describe
from seeclickfix_async._cli.options import SITE, Flag, SiteOptions
from seeclickfix_async._cli.quota_wait import QuotaWait
from seeclickfix_async._cli.registration import REGISTRATION, RegistrationOptions, write_letter
from seeclickfix_async._cli.terminal import err, multiline, notes, out
from seeclickfix_async._core.credentials import (
    header_text,
    normalize_base_url,
    personal_token_expiry,
)
from seeclickfix_async._core.duration import to_seconds
from seeclickfix_async._core.pasted import refuse_additions
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import TOKEN_VARIABLE
from seeclickfix_async.errors import (
    AccessDeniedError,
    AuthorizationError,
    InvalidArgumentError,
    OAuthError,
    StateMismatchError,
)
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.oauth import Application, AuthorizationCode, Flow, Token, begin, finish

_SUCCESS = "You are signed in. You can close this page."
_DENIED = "You denied access, and are not signed in. You can close this page."
_MISMATCH = "This response belongs to another login. Finish the login that this command opened."
_REVOKE = "revoke it on the account's security page."
_POLL_INTERVAL = 0.05  # seconds

Outcome = Token | AuthorizationCode | AuthorizationError


class LoginTimeoutError(SeeClickFixError):
    """The browser was not redirected to this machine in time."""

    code = "login_timeout"


class _LoginAttempt:
    """A login in progress; the first valid authorization response ends it."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def receive(self, response: str) -> str:
        """Handle a response, which any program on this machine can send; return a message."""
        try:
            self._outcomes.put(finish(self._flow, response))
        except AuthorizationError as error:
            self._outcomes.put(error)
            return _DENIED if isinstance(error, AccessDeniedError) else describe(error, login)
        except StateMismatchError:
            return _MISMATCH
        except OAuthError as error:
            return describe(error, login)
        return _SUCCESS

    def read_pasted(self) -> None:
        """Handle each line of standard input as a response."""
        for line in sys.stdin:
            if line.strip():
                err.print(self.receive(line))

    async def wait(self) -> Token | AuthorizationCode:
        """Wait for a valid response.

        Raises:
            AuthorizationError: The provider refused.
        """
        while self._outcomes.empty():  # noqa: ASYNC110  # filled by a thread that may block forever
            await anyio.sleep(_POLL_INTERVAL)
        outcome = self._outcomes.get_nowait()
        if isinstance(outcome, AuthorizationError):
            raise outcome
        return outcome


async def login(
    *,
    token: Flag = False,
    register: Flag = False,
    client_id: str | None = None,
    scope: str = "",
    implicit: Flag = False,
    port: int = 0,
    wait: float = 300.0,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    registration: RegistrationOptions = REGISTRATION,
    options: SiteOptions = SITE,
) -> int:
    """Sign in, in the browser or with a personal access token.

    The token is stored in the desktop's keyring, or in a file that only you can read.

    Args:
        token: Read a personal access token from standard input. It is never an argument, because
            other users of this machine can see those.
        register: Print the letter that registers an application of your own, and send nothing.
        client_id: Your application's id, which SeeClickFix issues; by default that of
            SEECLICKFIX_CLIENT_ID. Its secret, if any, is read from SEECLICKFIX_CLIENT_SECRET.
        scope: The requested scopes, separated by spaces; "write" alone leaves out "public".
        implicit: Use the implicit flow, if the provider offers no other.
        port: The port on this machine for the redirect URI; 0 uses a free one.
        wait: Seconds to wait for the browser; the provider shows some errors only there.
        browser: Open the browser; otherwise only print the address.
    """
    if register:
        return _print_letter(registration)
    if registration != REGISTRATION:
        raise InvalidArgumentError("register", "is missing. Only the letter uses these options.")
    wait = to_seconds("wait", wait, 0.001, 86_400)
    site = normalize_base_url(options.site)
    store = session.LoginStore()
    quota = QuotaWait(await session.make_limiter(options))
    with quota.announced():
        if token:
            new_token = _read_personal_token()
        else:
            app = session.require_application(site, client_id)
            endpoint = session.make_endpoint(app, options, quota.limiter)
            new_token = await _sign_in(
                app, endpoint, scope, port, wait, implicit=implicit, browser=browser
            )
            session.save_application(app)
        async with session.new_client(new_token, options, quota.limiter) as client:
            user = await client.verify()
    async with store.lock(site):
        await store.put(site, new_token)
    out.print(f"Signed in as {user.name} (#{user.id}).")
    if find_secret(TOKEN_VARIABLE, site):
        notes.print(f"{TOKEN_VARIABLE} is set and precedes this login: unset it.")
    return OK


async def logout(*, options: SiteOptions = SITE) -> int:
    """Delete the token, and revoke it if it is from a login in the browser."""
    store, site = session.LoginStore(), normalize_base_url(options.site)
    async with store.lock(site):  # otherwise another process could renew and store it meanwhile
        token = await store.get(site)
        await store.delete(site)
    if token is None:
        is_set = find_secret(TOKEN_VARIABLE, site) is not None
        note = f" The token of {TOKEN_VARIABLE} stays valid: {_REVOKE}" if is_set else ""
        out.print(f"You are not signed in.{note}")
        return OK
    if personal_token_expiry(token.access_token) is not None:
        out.print(f"Signed out. A personal access token stays valid: {_REVOKE}")
        return OK
    app = session.find_application(site)
    if app is None:
        out.print(
            "Signed out. The token stays valid until it expires, because the application of the "
            f"login is unknown: {_REVOKE}"
        )
        return OK
    quota = QuotaWait(await session.make_limiter(options))
    with quota.announced():
        async with session.make_endpoint(app, options, quota.limiter) as endpoint:
            await endpoint.revoke(token)
    out.print("Signed out, and the token is revoked.")
    return OK


def _print_letter(registration: RegistrationOptions) -> int:
    letter = write_letter(registration)
    out.print(multiline(letter.content), soft_wrap=True)
    blanks = f"Fill in the {counted(letter.blanks, 'value')} in brackets. " if letter.blanks else ""
    notes.print(f"{blanks}Nothing was sent: mail the letter yourself.")
    return OK


def _read_personal_token() -> Token:
    with immediate_interrupts():
        line = getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    secret = Secret(line.strip())
    if not secret.reveal():
        raise InvalidArgumentError("token", "is empty. Use scf login --token < FILE, or type it.")
    refuse_additions("token", secret.reveal())
    header_text("token", secret.reveal())
    now, end = datetime.now(UTC), personal_token_expiry(secret)
    lifetime = None
    if end is not None:
        lifetime = (datetime.combine(end, time.max, UTC) - now).total_seconds()
    return Token(secret, "Bearer", lifetime, None, now)


async def _sign_in(
    app: Application,
    endpoint: TokenEndpoint,
    scope: str,
    port: int,
    wait: float,
    *,
    implicit: bool,
    browser: bool,
) -> Token:
    with listening(port) as listener:
        app = attrs.evolve(app, redirect_uri=listener.address)
        flow = begin(app, "implicit" if implicit else "code", scope, max_age=max(wait, 1.0))
        attempt = _LoginAttempt(flow)
        listener.on_response = attempt.receive
        await _open_browser(flow, attempt, browser=browser)
        outcome = None
        with anyio.move_on_after(wait):
            outcome = await attempt.wait()
    if outcome is None:
        raise LoginTimeoutError(
            f"The browser was not redirected to this machine within {counted(wait, 'second')}. If "
            "it shows an error, check --client-id, --scope and the application's redirect URIs; or "
            "try --implicit."
        )
    async with endpoint:
        if isinstance(outcome, AuthorizationCode):
            return await endpoint.exchange(outcome)
        await endpoint.verify(outcome)
        return outcome


async def _open_browser(flow: Flow, attempt: _LoginAttempt, *, browser: bool) -> None:
    """Open or print the authorization page, and start to read pasted responses."""
    is_open = browser and await to_thread.run_sync(webbrowser.open, flow.url)
    err.print("The browser shows the login. If not, open:" if is_open else "Open in a browser:")
    err.print(flow.url)
    if sys.stdin.isatty():
        err.print("If the browser is on another machine, paste the address of its last page here.")
        # A daemon thread, because a thread that reads the keyboard cannot be cancelled.
        threading.Thread(target=attempt.read_pasted, daemon=True).start()
