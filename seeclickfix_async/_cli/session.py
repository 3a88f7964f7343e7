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
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import user_config_path

from seeclickfix_async import (
    AsyncClient,
    FileStore,
    HostLimiter,
    Limiter,
    StoredToken,
    TokenEndpoint,
    TokenStore,
)
from seeclickfix_async._api.client_options import TOKEN_VARIABLE, AccessToken
from seeclickfix_async._cli.app import PRODUCT
from seeclickfix_async._cli.environment import SECRET_VARIABLE, find_secret, refuse_other_site
from seeclickfix_async._cli.quota_wait import QuotaWait
from seeclickfix_async._cli.terminal import err
from seeclickfix_async._core.credentials import normalize_base_url
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._core.private_file import check_own_file, read_file
from seeclickfix_async.errors import (
    ClientStateError,
    InvalidArgumentError,
    ReauthorizationRequiredError,
    TokenStoreError,
)
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.tokens._stores.private_files import find_user_folder, write_private_file

CLIENT_VARIABLE = "SEECLICKFIX_CLIENT_ID"

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
        self._files = FileStore(_folder() / "tokens")
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


def _keyring() -> TokenStore | None:
    """Return the keyring, if it is installed; this machine may have none."""
    try:
        from seeclickfix_async.tokens._stores.keyring import (  # noqa: PLC0415  # slow to load
            KeyringStore,
        )
    except ImportError:  # an extra
        return None
    return KeyringStore(timeout=_KEYRING_TIMEOUT)


def _folder() -> Path:
    return find_user_folder(lambda: user_config_path("seeclickfix-async"))


def _read_applications() -> dict[str, str]:
    """Return the saved application ids by site.

    Raises:
        TokenStoreError: Their file cannot be used.
    """
    path = _folder() / "applications.json"
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
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_file(_folder() / "applications.json", msgspec.json.encode(applications))
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


async def make_limiter(base_url: str) -> HostLimiter | Limiter:
    """Return the rate limiter of a site, which all commands of this user share.

    Without a place for its file, it is the command's own.
    """
    try:
        limiter = HostLimiter(base_url=base_url)
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


class _LoginEndpoint:
    """The token endpoint of a stored login; its application is read when a token is renewed.

    A command that needs no renewal does not fail because of the application.
    """

    def __init__(self, base_url: str, limiter: HostLimiter | Limiter) -> None:
        self._base_url = base_url
        self._limiter = limiter

    async def refresh(self, token: Token) -> Token:
        """Renew a token, as `TokenEndpoint.refresh` does."""
        app = find_application(self._base_url)
        if app is None:
            raise ReauthorizationRequiredError(
                normalize_base_url(self._base_url), "its application is unknown."
            )
        async with TokenEndpoint(app, limiter=self._limiter, user_agent=PRODUCT) as endpoint:
            return await endpoint.refresh(token)

    def delay_close(self) -> AbstractContextManager[None]:
        """Do nothing: `refresh` opens the endpoint and closes it."""
        return nullcontext()


@asynccontextmanager
async def make_client(base_url: str, wait: QuotaWait | None = None) -> AsyncGenerator[AsyncClient]:
    """Yield a client with the token of the environment or of the login, or without one.

    Args:
        base_url: The site.
        wait: The wait for the rate limiter of the site, if the caller shows it as well.

    Raises:
        InvalidArgumentError: The only token belongs to another site.
    """
    wait = wait or QuotaWait(await make_limiter(base_url))
    limiter = wait.limiter
    token: AccessToken | None = find_secret(TOKEN_VARIABLE, base_url)
    if token is None:
        token = await _stored_token(base_url, limiter)
    if token is None:
        refuse_other_site(TOKEN_VARIABLE, base_url)
    client = AsyncClient(token, base_url=base_url, limiter=limiter, user_agent=PRODUCT)
    with wait.announced():
        async with client:
            yield client


async def _stored_token(base_url: str, limiter: HostLimiter | Limiter) -> StoredToken | None:
    try:
        store = LoginStore()
    except TokenStoreError:  # without a home folder there is no login
        return None
    key = normalize_base_url(base_url)
    if await store.get(key) is None:
        return None
    endpoint: Any = _LoginEndpoint(base_url, limiter)
    return StoredToken(store, key, endpoint=endpoint)
