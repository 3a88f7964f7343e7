"""The names of the environment variables."""

from __future__ import annotations

from typing import Final

TOKEN_VARIABLE: Final = "SEECLICKFIX_TOKEN"  # noqa: S105  # a name, not a token
SITE_VARIABLE: Final = "SEECLICKFIX_BASE_URL"
SECRET_VARIABLE: Final = "SEECLICKFIX_CLIENT_SECRET"  # noqa: S105  # a name, not a secret
CLIENT_VARIABLE: Final = "SEECLICKFIX_CLIENT_ID"
PLACE_VARIABLE: Final = "SEECLICKFIX_PLACE"
CONTACT_VARIABLE: Final = "SEECLICKFIX_CONTACT"
NOTIFY_VARIABLE: Final = "SEECLICKFIX_NOTIFY"
