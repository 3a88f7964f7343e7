"""The login on this machine: one token for each site, and clients that use it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from typing import Any
from urllib.parse import urlsplit

import msgspec

from seeclickfix_async import (
    AsyncClient,
    FileStore,
    HostLimiter,
    Limiter,
    StoredToken,
    TokenEndpoint,
    TokenStore,
)
from seeclickfix_async._api.client_options import AccessToken
from seeclickfix_async._cli.app import PRODUCT
from seeclickfix_async._cli.environment import find_secret, refuse_other_site
from seeclickfix_async._cli.options import SiteOptions
from seeclickfix_async._cli.quota_wait import QuotaWait
from seeclickfix_async._cli.settings import user_folder
from seeclickfix_async._cli.terminal import err, printed_warnings
from seeclickfix_async._core.credentials import is_loopback, normalize_base_url
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._core.private_file import check_own_file, read_file
from seeclickfix_async._core.variables import CLIENT_VARIABLE, SECRET_VARIABLE, TOKEN_VARIABLE
from seeclickfix_async.errors import (
    AuthenticationError,
    ClientStateError,
    InvalidArgumentError,
    ReauthorizationRequiredError,
    TokenStoreError,
)
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.tokens._stores.private_files import write_private_file

LOOPBACK = "http://127.0.0.1/callback"
_KEYRING_TIMEOUT = 10.0  # seconds
_NO_KEYRING = "no_keyring"  # the code of an error
_MAX_APPLICATIONS = 1_048_576  # bytes of the file that are read


class LoginStore:
    """A token store: the desktop's keyring if there is one, otherwise a private file.

    Raises:
        TokenStoreError: There is no home folder.
    """

    def __init__(self) -> None:
        self._files = FileStore(user_folder() / "tokens")
        self._keyring = _keyring()

    async def get(self, key: str) -> Token | None:
        """Return the newest token of a site, from the file or the keyring."""
        in_file = await self._files.get(key)
        in_keyring = await self._read_keyring(key, needed=in_file is None)
        tokens = [token for token in (in_file, in_keyring) if token is not None]
        return max(tokens, key=lambda token: token.created_at, default=None)

    async def put(self, key: str, token: Token) -> None:
        """Store a token in the keyring, or in a file if the keyring fails."""
        if self._keyring is not None:
            try:
                await self._keyring.put(key, token)
            except TokenStoreError:
                self._keyring = None
            else:
                await self._files.delete(key)
                return
        await self._files.put(key, token)

    async def delete(self, key: str) -> None:
        """Delete a token from the file and the keyring."""
        await self._files.delete(key)
        if self._keyring is None:
            return
        try:
            await self._keyring.delete(key)
        except TokenStoreError as error:
            if error.code != _NO_KEYRING:
                raise

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Lock a site's token against all other processes."""
        return self._files.lock(key)

    async def _read_keyring(self, key: str, *, needed: bool) -> Token | None:
        """Return the token in the keyring, which may fail if there is one in the file."""
        if self._keyring is None:
            return None
        try:
            return await self._keyring.get(key)
        except TokenStoreError as error:
            if needed and error.code != _NO_KEYRING:
                raise
            return None


def find_login_store() -> LoginStore | None:
    """Return the store of logins; None without a home folder, where there is no login."""
    try:
        return LoginStore()
    except TokenStoreError:
        return None


def _keyring() -> TokenStore | None:
    """Return the keyring, if it is installed; this machine may have none."""
    try:
        from seeclickfix_async.tokens._stores.keyring import (  # noqa: PLC0415  # slow to load
            KeyringStore,
        )
    except ImportError:  # an extra
        return None
    return KeyringStore(timeout=_KEYRING_TIMEOUT)


def _read_applications() -> dict[str, str]:
    """Return the saved application ids by site.

    Raises:
        TokenStoreError: Their file cannot be used.
    """
    path = user_folder() / "applications.json"
    try:
        content = read_file(path, _MAX_APPLICATIONS, check_own_file)
        return {} if content is None else msgspec.json.decode(content, type=dict[str, str])
    except OSError as error:
        reason = error.strerror
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason = "it does not hold application ids"
    raise TokenStoreError(
        f"{path} cannot be used: {reason}. Sign in again with --client-id, to replace it."
    )


def save_application(app: Application) -> None:
    """Save the application that signed in at a site, so that its token can be renewed.

    A file that cannot be used is replaced.

    Raises:
        TokenStoreError: The folder cannot be written.
    """
    try:
        applications = _read_applications()
    except TokenStoreError:
        applications = {}
    applications[app.base_url] = app.client_id
    try:
        user_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_file(user_folder() / "applications.json", msgspec.json.encode(applications))
    except OSError as error:
        raise TokenStoreError(f"The login cannot be saved: {describe_os_error(error)}") from None


def find_application(base_url: str, client_id: str | None = None) -> Application | None:
    """Return the application of a site: by argument, environment, or from the last login.

    Raises:
        InvalidArgumentError: Its id is not one, or the site is not secure.
        TokenStoreError: There is no home folder, or the file of earlier logins cannot be used.
    """
    site = normalize_base_url(base_url)
    name = client_id or os.environ.get(CLIENT_VARIABLE) or _read_applications().get(site)
    if not name:
        return None
    return Application(name, LOOPBACK, find_secret(SECRET_VARIABLE, site), site)


def require_application(base_url: str, client_id: str | None) -> Application:
    """Return the application of a site.

    Raises:
        InvalidArgumentError: It is unknown, or the environment has the secret of another site's.
        TokenStoreError: The file of earlier logins is needed, and cannot be used.
    """
    refuse_other_site(SECRET_VARIABLE, base_url)
    app = find_application(base_url, client_id)
    if app is None:
        raise InvalidArgumentError(
            "client_id",
            "a login in the browser needs your application's id, which SeeClickFix issues: use "
            f"--client-id or set {CLIENT_VARIABLE}. With a personal access token, use "
            "scf login --token.",
        )
    return app


async def make_limiter(options: SiteOptions) -> HostLimiter | Limiter | None:
    """Return the rate limiter of a site, which all commands of this user share.

    Without a place for its file, it is the command's own; with --no-limit, there is none.

    Raises:
        InvalidArgumentError: The site is not on this machine, and there must be a limit.
    """
    if options.no_limit:
        require_loopback(normalize_base_url(options.site))
        return None
    try:
        limiter = HostLimiter(base_url=options.site)
        await limiter.check()
    except ClientStateError as error:
        problem = error.message
    except InvalidArgumentError as error:
        if error.argument != "folder":
            raise
        problem = "There is no home folder."
    else:
        return limiter
    err.print(
        f"scf: {problem} Run one command at a time: this one does not know of the requests of "
        "others."
    )
    return Limiter()


def require_loopback(url: str) -> None:
    """Check that a server may receive requests without a limit.

    Raises:
        InvalidArgumentError: It is not on this machine.
    """
    if not is_loopback(urlsplit(url).hostname or ""):
        raise InvalidArgumentError(
            "no_limit",
            f"is for servers on this machine, such as scf sandbox, and {url} is not on one. Omit "
            "it: the service blocks those who exceed its quota.",
        )


def make_endpoint(
    app: Application, options: SiteOptions, limiter: HostLimiter | Limiter | None
) -> TokenEndpoint:
    """Return the token endpoint of an application."""
    contact = options.contact_or_default
    return TokenEndpoint(app, limiter=limiter, user_agent=PRODUCT, contact=contact)


class _LoginEndpoint:
    """The token endpoint of a stored login; its application is read when a token is renewed.

    A command that needs no renewal does not fail because of the application.
    """

    hook = None  # no command receives events

    def __init__(self, options: SiteOptions, limiter: HostLimiter | Limiter | None) -> None:
        self._options = options
        self._limiter = limiter

    async def refresh(self, token: Token) -> Token:
        """Renew a token, as `TokenEndpoint.refresh` does."""
        app = find_application(self._options.site)
        if app is None:
            raise ReauthorizationRequiredError(
                normalize_base_url(self._options.site), "its application is unknown."
            )
        async with make_endpoint(app, self._options, self._limiter) as endpoint:
            return await endpoint.refresh(token)

    def delay_close(self) -> AbstractContextManager[None]:
        """Do nothing: `refresh` opens the endpoint and closes it."""
        return nullcontext()


@asynccontextmanager
async def make_client(
    options: SiteOptions, wait: QuotaWait | None = None, **client_options: Any
) -> AsyncGenerator[AsyncClient]:
    """Yield a client with the token of the environment or of the login, or without one.

    Args:
        options: The options of the command.
        wait: The wait for the rate limiter of the site, if the caller shows it as well.
        **client_options: More options of the client.

    Raises:
        InvalidArgumentError: The only token belongs to another site.
    """
    wait = wait or QuotaWait(await make_limiter(options))
    variable = find_secret(TOKEN_VARIABLE, options.site)
    token: AccessToken | None = variable
    if token is None:
        token = await _stored_token(options, wait.limiter)
    if token is None:
        refuse_other_site(TOKEN_VARIABLE, options.site)
    with wait.announced(), printed_warnings():
        client_options["on_event"] = wait.print_retry
        async with new_client(token, options, wait.limiter, **client_options) as client:
            try:
                yield client
            except AuthenticationError as error:
                if variable is not None:
                    error.advice = (
                        f"It is that of {TOKEN_VARIABLE}, which precedes a login: correct or unset "
                        "the variable."
                    )
                raise


def new_client(
    token: AccessToken | None,
    options: SiteOptions,
    limiter: HostLimiter | Limiter | None,
    **client_options: Any,
) -> AsyncClient:
    """Return a client with this token."""
    return AsyncClient(
        token,
        base_url=options.site,
        limiter=limiter,
        user_agent=PRODUCT,
        contact=options.contact_or_default,
        **client_options,
    )


async def _stored_token(
    options: SiteOptions, limiter: HostLimiter | Limiter | None
) -> StoredToken | None:
    store, key = find_login_store(), normalize_base_url(options.site)
    if store is None or await store.get(key) is None:
        return None
    endpoint: Any = _LoginEndpoint(options, limiter)
    return StoredToken(store, key, endpoint=endpoint)
