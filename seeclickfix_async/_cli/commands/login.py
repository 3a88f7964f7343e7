"""Signing in and out at a terminal."""

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

from seeclickfix_async import AsyncClient, SeeClickFixError, TokenEndpoint
from seeclickfix_async._cli import session
from seeclickfix_async._cli.app import OK, PRODUCT, Flag, Site, err, out
from seeclickfix_async._cli.listener import listening
from seeclickfix_async._cli.messages import describe
from seeclickfix_async._core.credentials import (
    PRODUCTION,
    header_text,
    normalize_base_url,
    personal_token_expiry,
)
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import AccessDeniedError, AuthorizationError, OAuthError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.oauth import Application, AuthorizationCode, Flow, Token, begin, finish

_DONE = "You are signed in. You can close this page."
_DENIED = "You denied the access, and nobody is signed in. You can close this page."
_NOT_THIS = "This is not the answer to the login that waits. Start the login again."
_EVERY = 0.05  # seconds between two looks at what came

Outcome = Token | AuthorizationCode | AuthorizationError


class LoginTimeoutError(SeeClickFixError):
    """The browser did not return in time."""

    code = "login_timeout"


class _Answers:
    """Takes what comes from the browser or the keyboard; the first good answer ends the login."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def take(self, answer: str) -> str:
        """Read an answer, which anybody on this machine may have made up."""
        try:
            self._outcomes.put(finish(self._flow, answer))
        except AuthorizationError as error:
            self._outcomes.put(error)
            return _DENIED if isinstance(error, AccessDeniedError) else describe(error, login)
        except OAuthError:
            return _NOT_THIS
        return _DONE

    def read_pasted(self) -> None:
        """Take lines from the keyboard until one is the answer."""
        for line in sys.stdin:
            if line.strip():
                err.print(self.take(line), markup=False)

    async def outcome(self) -> Token | AuthorizationCode:
        """Wait for the end."""
        while self._outcomes.empty():  # noqa: ASYNC110  # it comes from a thread that may hang
            await anyio.sleep(_EVERY)
        ended = self._outcomes.get_nowait()
        if isinstance(ended, AuthorizationError):
            raise ended
        return ended


async def login(
    *,
    token: Flag = False,
    client_id: str | None = None,
    scope: str = "",
    implicit: Flag = False,
    port: int = 0,
    wait: float = 300.0,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    base_url: Site = PRODUCTION,
) -> int:
    """Sign in, in the browser or with a personal access token.

    The token is kept in the desktop's keyring, or in a file that only you can read.

    Args:
        token: Read a personal access token from standard input; never from an argument, which
            others on this machine can see.
        client_id: The id that SeeClickFix gave your application; SEECLICKFIX_CLIENT_ID unless
            told. Its secret, if it has one, is read from SEECLICKFIX_CLIENT_SECRET.
        scope: Scopes to ask for, with spaces between; write alone loses public.
        implicit: Use the implicit flow, if the provider offers no other.
        port: The port of this machine that the browser comes back to; 0 takes a free one.
        wait: Seconds until nobody is expected any more: some errors are shown in the browser only.
        browser: Open the browser; otherwise only the address is printed.
        base_url: The service's address.
    """
    if token:
        kept = _personal_token()
    else:
        app = session.require_application(base_url, client_id, session.LOOPBACK)
        kept = await _in_browser(app, scope, port, wait, implicit=implicit, browser=browser)
        session.save_login(app)
    async with AsyncClient(kept, base_url=base_url, user_agent=PRODUCT) as client:
        user = await client.verify()
    store, key = session.StoredLogin(), normalize_base_url(base_url)
    async with store.lock(key):
        await store.put(key, kept)
    out.print(f"Signed in as {user.name} (#{user.id}).", markup=False, highlight=False)
    return OK


async def logout(*, base_url: Site = PRODUCTION) -> int:
    """Forget the token, and revoke it if it came from a login in the browser.

    Args:
        base_url: The service's address.
    """
    store, key = session.StoredLogin(), normalize_base_url(base_url)
    async with store.lock(key):  # nobody may renew meanwhile, and keep what he got
        token = await store.get(key)
        await store.delete(key)
    if token is None:
        out.print("Nobody is signed in.")
        return OK
    async with session.make_token_endpoint(base_url) as endpoint:
        if endpoint is None or personal_token_expiry(token.access_token) is not None:
            out.print(
                "Signed out. A personal access token lives on: "
                "revoke it on the account's security page.",
                soft_wrap=True,
            )
        else:
            await endpoint.revoke(token)
            out.print("Signed out, and the token is revoked.")
    return OK


def _personal_token() -> Token:
    text = getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    secret = Secret(header_text("token", text.strip()))
    now, end = datetime.now(UTC), personal_token_expiry(secret)
    lifetime = None
    if end is not None:
        lifetime = (datetime.combine(end, time.max, UTC) - now).total_seconds()
    return Token(secret, "Bearer", lifetime, None, now)


async def _in_browser(
    app: Application, scope: str, port: int, wait: float, *, implicit: bool, browser: bool
) -> Token:
    with listening(port) as listener:
        here = attrs.evolve(app, redirect_uri=listener.address)
        flow = begin(here, "implicit" if implicit else "code", scope, max_age=max(wait, 1.0))
        answers = _Answers(flow)
        listener.on_response = answers.take
        await _show(flow, answers, browser=browser)
        outcome = None
        with anyio.move_on_after(wait):
            outcome = await answers.outcome()
    if outcome is None:
        raise LoginTimeoutError(
            f"Nobody came back from the browser within {counted(wait, 'second')}. If it "
            "shows an error, check --client-id, --scope and the application's redirect URIs; or "
            "try --implicit."
        )
    if isinstance(outcome, Token):
        return outcome
    async with TokenEndpoint(here, user_agent=PRODUCT) as endpoint:
        return await endpoint.exchange(outcome)


async def _show(flow: Flow, answers: _Answers, *, browser: bool) -> None:
    """Send the person to the authorization page, and take what is pasted instead."""
    opened = browser and await to_thread.run_sync(webbrowser.open, flow.url)
    err.print("The browser shows the login. If not, open:" if opened else "Open in a browser:")
    err.print(flow.url, markup=False, highlight=False)
    if sys.stdin.isatty():
        err.print("If the browser is on another machine, paste the address that it ends on here.")
        # A thread of its own: nothing can wake one that reads the keyboard.
        threading.Thread(target=answers.read_pasted, daemon=True).start()
