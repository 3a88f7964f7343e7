"""`scf doctor`."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Literal

import attrs
from rich.table import Table

from seeclickfix_async import Retry
from seeclickfix_async._cli import settings
from seeclickfix_async._cli.environment import find_secret, refuse_other_site
from seeclickfix_async._cli.exit_codes import FAILED, OK
from seeclickfix_async._cli.extras import find_extras
from seeclickfix_async._cli.messages import describe
from seeclickfix_async._cli.options import SITE, Flag, SiteOptions
from seeclickfix_async._cli.quota_wait import QuotaWait
from seeclickfix_async._cli.session import find_login_store, make_client, make_limiter
from seeclickfix_async._cli.terminal import err, out, print_json
from seeclickfix_async._core.backoff import parse_http_date
from seeclickfix_async._core.credentials import normalize_base_url, personal_token_expiry
from seeclickfix_async._core.variables import TOKEN_VARIABLE
from seeclickfix_async._transport.environment import describe_variables
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import (
    InvalidArgumentError,
    SeeClickFixError,
    StatusError,
    TokenStoreError,
)
from seeclickfix_async.errors._counting import counted

_QUOTA = 20  # requests per minute
_LARGEST_DIFFERENCE = 30.0  # seconds between two clocks
_TIMEOUT = 5.0  # seconds
_TOTAL_TIMEOUT = 10.0  # seconds


@attrs.frozen
class Check:
    """The result of a check.

    Attributes:
        name: What was checked.
        state: Whether it is fine, wrong, or could not be checked.
        message: The result in words.
        value: The result for programs.
    """

    name: str
    state: Literal["ok", "wrong", "unknown"]
    message: str
    value: Any = None


_UNCHECKED_CLOCK = Check("clock", "unknown", "not checked without the site")


async def doctor(*, json: Flag = False, options: SiteOptions = SITE) -> int:
    """Check the installation, the settings, the network, the token and the quota.

    It needs one request, or two if a login has to be renewed. The exit code is 1 if something is
    wrong.

    Args:
        json: Print the checks as JSON.
    """
    checks = [*_check_installation()]
    try:
        checks.append(_check_configuration(options))
        checks.append(await _check_stored_token(options))
        checks += await _check_service(options, checks[-1])
    except SeeClickFixError as error:
        checks.append(Check("settings", "wrong", describe(error, doctor)))
    return _print(checks, json=json)


def _check_installation() -> Iterator[Check]:
    versions = {"scf": __version__, "python": platform.python_version()}
    system = f"{platform.system()} {platform.machine()}"
    message = f"scf {versions['scf']}, Python {versions['python']}, {system}"
    yield Check("version", "ok", message, {**versions, "system": system})
    extras = find_extras()
    installed = [name for name, is_installed in extras.items() if is_installed]
    missing = [name for name in extras if name not in installed]
    message = f"installed: {', '.join(installed) or 'none'}"
    if missing:
        message += f"; not installed: {', '.join(missing)}"
    yield Check("extras", "ok", message, extras)
    variables = describe_variables()
    message = ", ".join(f"{name}={value}" for name, value in variables.items())
    yield Check("environment", "ok", message or "no proxy, no certificates of its own", variables)


def _check_configuration(options: SiteOptions) -> Check:
    """Check the configuration file, and that the site is valid."""
    value: dict[str, Any] = {"file": None, "site": normalize_base_url(options.site)}
    try:
        path = settings.config_path()
    except TokenStoreError:
        return Check("configuration", "ok", "There is no home folder.", value)
    keys = sorted(settings.read_config())
    value = {**value, "file": str(path), "keys": keys, "exists": path.exists()}
    state = f"sets {', '.join(keys) or 'nothing'}" if path.exists() else "does not exist"
    return Check("configuration", "ok", f"{path} {state}", value)


async def _check_stored_token(options: SiteOptions) -> Check:
    """Find the token, and check its expiry."""
    secret = find_secret(TOKEN_VARIABLE, options.site)
    expiry: date | datetime | None = None
    renewable = False
    if secret is not None:
        source, expiry = TOKEN_VARIABLE, personal_token_expiry(secret)
    else:
        store = find_login_store()
        token = None if store is None else await store.get(normalize_base_url(options.site))
        if token is None:
            refuse_other_site(TOKEN_VARIABLE, options.site)
            return Check("token", "ok", "none; scf login signs in", {"source": None})
        source, expiry = "scf login", token.expires_at
        renewable = token.refresh_token is not None
    value = {"source": source, "expires": expiry, "renewable": renewable}
    if expiry is None:
        return Check("token", "ok", f"from {source}, without a known expiry", value)
    now = datetime.now(UTC)
    is_expired = expiry <= now if isinstance(expiry, datetime) else expiry < now.date()
    if is_expired and not renewable:
        return Check("token", "wrong", f"from {source}, expired on {expiry}. Sign in again.", value)
    renewed = ", and is renewed then" if renewable else ""
    return Check("token", "ok", f"from {source}, expires on {expiry}{renewed}", value)


async def _check_service(options: SiteOptions, token: Check) -> list[Check]:
    """Send a request for the account, and check what its response shows."""
    wait = QuotaWait(await make_limiter(options))
    checks = await _request_account(options, wait, has_token=token.value["source"] is not None)
    return [*checks, _check_quota(wait)]


async def _request_account(
    options: SiteOptions, wait: QuotaWait, *, has_token: bool
) -> list[Check]:
    client_options: dict[str, Any] = {
        "retry": Retry(attempts=1),
        "timeout": _TIMEOUT,
        "total_timeout": _TOTAL_TIMEOUT,
        "max_wait": _TIMEOUT,
    }
    start = datetime.now(UTC)
    site = normalize_base_url(options.site)
    try:
        async with make_client(options, wait, **client_options) as client:
            response = await client.request("GET", "/profile")
        account = response.json().get("id")
    except InvalidArgumentError:
        raise  # of the settings: nothing was sent
    except StatusError as error:
        message = describe(error, doctor)
        if error.status is None:  # the request was not sent
            return [Check("site", "unknown", f"{site}: {message}"), _UNCHECKED_CLOCK]
        checks = [Check("site", "wrong", f"{site}: {message}", error.status)]
        if error.status in (401, 403):
            checks = [
                Check("site", "ok", f"{site} can be reached", error.status),
                Check("account", "wrong", message),
            ]
        return [*checks, _check_clock(start, parse_http_date(error.headers.get("date")))]
    except (SeeClickFixError, AttributeError) as error:
        message = "The response is not the API's. Check --base-url."
        if isinstance(error, SeeClickFixError):
            message = describe(error, doctor)
        return [Check("site", "wrong", f"{site}: {message}"), _UNCHECKED_CLOCK]
    checks = [Check("site", "ok", f"{site} can be reached", response.status)]
    if has_token:
        is_accepted = account is not None
        message = "The site accepts the token." if is_accepted else "The site ignores the token."
        checks.append(Check("account", "ok" if is_accepted else "wrong", message))
    return [*checks, _check_clock(start, response.date)]


def _check_clock(start: datetime, service: datetime | None) -> Check:
    """Compare this machine's clock with the service's, which has whole seconds."""
    if service is None:
        return Check("clock", "unknown", "The service did not send its time.")
    end = datetime.now(UTC)
    ahead = (start - service).total_seconds() - 1.0
    behind = (service - end).total_seconds()
    difference = round(max(ahead, behind, 0.0), 1)
    if difference <= _LARGEST_DIFFERENCE:
        return Check("clock", "ok", "as the service's, within a few seconds", difference)
    side = "ahead of" if ahead > behind else "behind"
    message = f"This machine is {counted(round(difference), 'second')} {side} the service. Set it."
    return Check("clock", "wrong", message, difference)


def _check_quota(wait: QuotaWait) -> Check:
    if wait.limiter is None:
        return Check("quota", "ok", "no limit, because of --no-limit")
    left = sum(wait.estimate(number) <= 0 for number in range(1, _QUOTA + 1))
    message = f"{left} of {counted(_QUOTA, 'request')} a minute left for this user"
    return Check("quota", "ok", message, left)


def _print(checks: list[Check], *, json: bool) -> int:
    """Print the checks, and return the exit code; with --quiet, only what is wrong."""
    wrong = [check for check in checks if check.state == "wrong"]
    if json:
        print_json({"ok": not wrong, "checks": checks})
    else:
        table = Table("Check", "State", "Result", box=None)
        for check in checks:
            style = "bold red" if check.state == "wrong" else None
            table.add_row(check.name, check.state, check.message, style=style)
        out.print(table)
    if out.quiet:
        for check in wrong:
            err.print(f"scf: {check.name}: {check.message}")
    return FAILED if wrong else OK
