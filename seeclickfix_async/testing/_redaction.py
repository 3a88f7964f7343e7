"""Removal of secrets and personal data from recorded requests and responses.

Two passes: one by the place of a value (the name of its field or parameter), and one over all
strings, for the values that the first one has found. Both are applied to all that is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.secret import MASK, Secret

# Each token, and the signature of a link to a storage service.
_CONFIDENTIAL = (
    r"[\w-]*(?:token|secret|password|signature|credential)"
    "|code_verifier|password_confirmation|api_key|sig|session|cookie|authorization"
)
_OAUTH_ONLY = "code|state|code_challenge|nonce"
_SECRETS = re.compile(_CONFIDENTIAL, re.IGNORECASE)
_OAUTH_SECRETS = re.compile(f"{_CONFIDENTIAL}|{_OAUTH_ONLY}", re.IGNORECASE)
_PERSONAL = {"email", "phone", "first_name", "last_name", "full_name", "username"}
# A dict is a person if it is one of these, or has one of these keys: places and organizations have
# names, too, and not these.
_PEOPLE = {"reporter", "commenter", "assignee", "author", "user", "owner", "member", "closed_by"}
_OF_PEOPLE = {"witty_title", "civic_points", "role", "email", "full_name", "password"}

# The second group is optional, so that a long word without an @ is read once, and not from each of
# its characters.
_EMAIL = re.compile(r"((?:[\w.+-]|%(?!40))+)((?:@|%40)[\w-]+(?:\.[\w-]+)+)?")
_EMAIL_MASK = "person@example.invalid"
_AVATAR_MASK = "https://example.invalid/avatar.png"
_PARAMETER = re.compile(
    rf"((?<![\w-])(?:{_CONFIDENTIAL})|\b(?:{_OAUTH_ONLY}))=([^&#\s\"'<>]+)", re.IGNORECASE
)
# Of North America; without separators an id, an address or a time could look like one.
_PHONE = re.compile(
    r"(?<![\w./=+-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
    r"|(?<![\w./=])\+\d{8,15}(?!\w)"
)
_PHONE_MASK = "phone number"
_FORM_INPUT = "answer"  # the field; a form may require anything
_FORM_INPUT_MASK = "What the reporter wrote"
_ANONYMOUS = "An anonymous SeeClickFix user"
_SHORTEST_NAME = 3


class Redactor:
    """Replaces secrets and personal data, and the same ones again wherever they occur later."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._names: dict[str, str] = {}

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Note the secrets in the headers of a request or a response, none of which is stored."""
        for name in ("authorization", "authentication", "proxy-authorization"):
            self._secrets.update(headers.get(name, "").split()[1:])
        for name in ("cookie", "set-cookie"):
            pairs = re.findall(r"=([^;,\s]+)", headers.get(name, ""))
            self._secrets.update(pair for pair in pairs if len(pair) > 6)

    def redact_url(self, url: str) -> str:
        """Return a URL without the secrets in its query and fragment, whose order is fixed."""
        parts = urlsplit(url)
        query = sorted(parse_qsl(parts.query, keep_blank_values=True))
        fragment = parse_qsl(parts.fragment, keep_blank_values=True)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(
            netloc=host,
            query=urlencode(self.redact_pairs(query)),
            fragment=urlencode(self.redact_pairs(fragment)) if fragment else "",
        ).geturl()

    def redact_pairs(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the parameters of a query or a form without secrets."""
        is_secret = _OAUTH_SECRETS.fullmatch
        return [
            (name, self._hide(value) if is_secret(name) else self.redact_text(value))
            for name, value in pairs
        ]

    def redact_text(self, text: str) -> str:
        """Return a string without e-mail addresses, phone numbers and the secrets of links."""
        text = _PHONE.sub(_PHONE_MASK, text)
        text = _EMAIL.sub(lambda match: _EMAIL_MASK if match[2] else match[0], text)
        return _PARAMETER.sub(lambda match: f"{match[1]}={self._hide(match[2])}", text)

    def redact_json(self, value: Any, *, key: str = "", oauth: bool = False) -> Any:
        """Return JSON without secrets and personal data.

        Args:
            value: The JSON.
            key: The key that it is the value of.
            oauth: Whether it is of an OAuth endpoint, whose `state` and `code` are secrets; the
                `state` of a place is not.
        """
        if isinstance(value, dict):
            is_person = key in _PEOPLE or not _OF_PEOPLE.isdisjoint(value)
            return {
                name: self._redact_field(name, item, is_person=is_person, oauth=oauth)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [
                self.redact_json(item, key=key.removesuffix("s"), oauth=oauth) for item in value
            ]
        return self.redact_text(value) if isinstance(value, str) else value

    def _redact_field(self, name: str, value: Any, *, is_person: bool, oauth: bool) -> Any:
        if value in (None, "", [], {}):
            return value
        is_secret = (_OAUTH_SECRETS if oauth else _SECRETS).fullmatch(name)
        if is_secret and isinstance(value, (str, int, float)):
            return self._hide(str(value))
        if name == _FORM_INPUT:
            return _FORM_INPUT_MASK
        if is_person and name == "avatar":
            return self._mask_links(value)
        if isinstance(value, str) and (name in _PERSONAL or (is_person and name == "name")):
            return self._rename(value)
        return self.redact_json(value, key=name, oauth=oauth)

    def clean(self, value: Any) -> Any:
        """Return JSON without all secrets and names that were found so far."""
        value = mask_secrets(value, [Secret(secret) for secret in self._secrets if secret])
        return self._clean_names(value) if self._names else value

    def _clean_names(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._clean_names(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._clean_names(item) for item in value]
        if isinstance(value, str):
            for name in sorted(self._names, key=len, reverse=True):
                if len(name) < _SHORTEST_NAME:
                    break
                other = self._names[name]
                value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", other, value)
        return value

    def _hide(self, secret: str) -> str:
        if secret != MASK:
            self._secrets.add(secret)
        return MASK

    def _mask_links(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._mask_links(item) for key, item in value.items()}
        if not isinstance(value, str) or value == _AVATAR_MASK:
            return value
        self._secrets.add(value)
        return _AVATAR_MASK

    def _rename(self, name: str) -> str:
        if name == _ANONYMOUS:
            return name
        if (match := _EMAIL.fullmatch(name)) and match[2]:
            return _EMAIL_MASK
        return self._names.setdefault(name, f"Person {len(self._names) + 1}")
