"""The secrets in the environment belong to one site."""

from __future__ import annotations

from seeclickfix_async._cli import settings
from seeclickfix_async._cli.secrets import get_secret
from seeclickfix_async._core.credentials import is_same_site
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import SITE_VARIABLE
from seeclickfix_async.errors import InvalidArgumentError


def find_secret(name: str, base_url: str) -> Secret | None:
    """Return a secret of the environment; None if it is not set, or belongs to another site."""
    secret = get_secret(name)
    return secret if secret is not None and is_same_site(base_url, settings.find_site()) else None


def refuse_other_site(name: str, base_url: str) -> None:
    """Check that a secret of the environment, if it is set, belongs to the site of `base_url`.

    Raises:
        InvalidArgumentError: It belongs to another site.
    """
    own_site = settings.find_site()
    if get_secret(name) is None or is_same_site(base_url, own_site):
        return
    raise InvalidArgumentError(
        "base_url",
        f"{name} belongs to {own_site}, and was not sent to {base_url}. Set {SITE_VARIABLE} "
        f"together with that site's {name}, or unset {name}. With another token, use scf login "
        f"--token --base-url {base_url}.",
    )
