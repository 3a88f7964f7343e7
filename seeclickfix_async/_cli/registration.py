"""The letter that registers an OAuth application."""

from __future__ import annotations

import attrs
from cyclopts import Group, Parameter

from seeclickfix_async.oauth._application import check_redirect_uri

Contact = tuple[str, str, str]

_ADDRESS = "developer-support@seeclickfix.com"
_LETTER = """\
To: {address}
Subject: Registration of an OAuth application: {name}

Hello,

please register this application for OAuth 2.0 with API v2:

{fields}

Please reply with its application id. The documentation does not say the following:
1. Which flows are enabled: authorization code (with PKCE, RFC 7636) or implicit?
2. Does the application have a secret?
3. Which scopes are there, and which of them are needed to report, comment and vote?
4. How long is an access token valid, and is there a refresh token?
5. Can more callback URIs be registered, such as one for development?

Thank you,
{signature}"""


@Parameter(name="*", group=Group.create_ordered("Options of --register"))
@attrs.frozen(kw_only=True)
class RegistrationOptions:
    """The values of the letter, which the API's documentation lists.

    Attributes:
        name: The application's name, which users see when they allow it to act for them.
        organization: The organization's name.
        technical: NAME EMAIL PHONE of the technical contact.
        administrative: NAME EMAIL PHONE of the administrative contact.
        redirect_uri: The address that browsers return to: the callback URI. For scf login, it is
            http://127.0.0.1/callback.
    """

    name: str | None = None
    organization: str | None = None
    technical: Contact | None = None
    administrative: Contact | None = None
    redirect_uri: str | None = None


REGISTRATION = RegistrationOptions()
"""The defaults."""


@attrs.frozen
class Letter:
    """A letter to the service's operators.

    Attributes:
        content: Its lines, with the recipient and the subject first.
        blanks: The number of values that are missing, each of which is a blank in brackets.
    """

    content: str
    blanks: int


def write_letter(options: RegistrationOptions) -> Letter:
    """Return the letter that registers an application.

    Raises:
        InvalidArgumentError: The redirect URI is invalid.
    """
    if options.redirect_uri is not None:
        check_redirect_uri(options.redirect_uri)
    values = {
        "Name of application": options.name,
        "Organization name": options.organization,
        **_contact_values("Technical contact", options.technical),
        **_contact_values("Administrative contact", options.administrative),
        "Callback URI": options.redirect_uri,
    }
    lines = {label: " ".join((value or "").split()) for label, value in values.items()}
    filled = {label: value or f"[{label}]" for label, value in lines.items()}
    content = _LETTER.format(
        address=_ADDRESS,
        name=filled["Name of application"],
        fields="\n".join(f"{label}: {value}" for label, value in filled.items()),
        signature=filled["Technical contact name"],
    )
    return Letter(content, blanks=sum(not value for value in lines.values()))


def _contact_values(title: str, contact: Contact | None) -> dict[str, str]:
    values = contact or ("", "", "")
    return dict(zip((f"{title} name", f"{title} email", f"{title} phone"), values, strict=True))
