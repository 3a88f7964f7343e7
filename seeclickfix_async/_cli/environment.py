"""The secrets in the environment: they belong to one site, and to no other process."""

from __future__ import annotations

import os

from seeclickfix_async._api.client_options import SITE_VARIABLE, TOKEN_VARIABLE
from seeclickfix_async._core.credentials import PRODUCTION, is_same_site
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import InvalidArgumentError

SECRET_VARIABLE = "SEECLICKFIX_CLIENT_SECRET"  # noqa: S105  # a name, not a secret

_secrets: dict[str, Secret] = {}


def take_secrets() -> None:
    """Move the secrets out of the environment, which all processes that scf starts inherit."""
    _secrets.clear()
    for name in (TOKEN_VARIABLE, SECRET_VARIABLE):
        value = os.environ.pop(name, "").strip()
        if value:
            _secrets[name] = Secret(value)


def find_secret(name: str, base_url: str) -> Secret | None:
    """Return a secret of the environment; None if it is not set, or belongs to another site."""
    secret = _secrets.get(name)
    return secret if secret is not None and is_same_site(base_url, _own_site()) else None


def refuse_other_site(name: str, base_url: str) -> None:
    """Check that a secret of the environment, if it is set, belongs to the site of `base_url`.

    Raises:
        InvalidArgumentError: It belongs to another site.
    """
    if name not in _secrets or is_same_site(base_url, _own_site()):
        return
    raise InvalidArgumentError(
        "base_url",
        f"{name} belongs to {_own_site()}, and was not sent to {base_url}. Set "
        f"{SITE_VARIABLE} together with that site's {name}, or unset {name}. With another token, "
        f"use scf login --token --base-url {base_url}.",
    )


def _own_site() -> str:
    return os.environ.get(SITE_VARIABLE) or PRODUCTION
