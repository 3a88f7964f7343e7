"""Secrets and credentials are masked wherever they could be shown."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest

from seeclickfix_async import AsyncClient, Secret
from seeclickfix_async._core.credentials import (
    Basic,
    Bearer,
    TokenExpiryWarning,
    personal_token_expiry,
)

_VALUE = "hush-hush-42"


def test_a_secret_masks_itself_everywhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(_VALUE)
    logging.getLogger("any").warning("%s %r", secret, secret)
    shown = [repr(secret), str(secret), f"{secret:>20}", f"{[secret]}", caplog.text]

    assert not [output for output in shown if _VALUE in output]
    assert secret.reveal() == _VALUE


def test_a_pickle_does_not_contain_the_value() -> None:
    pickled = pickle.dumps(Secret(_VALUE))

    assert _VALUE.encode() not in pickled
    with pytest.raises(ValueError, match="pickled"):
        pickle.loads(pickled).reveal()


def test_secrets_and_their_copies_compare_by_value() -> None:
    secret = Secret(_VALUE)

    assert secret == Secret(_VALUE)
    assert secret != Secret("other")
    assert secret != _VALUE
    assert hash(secret) == hash(Secret(_VALUE))
    assert copy.deepcopy(secret) == copy.copy(secret) == secret


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "a\r\nX: y", "tökén", "a\x00", "\ud800"])
def test_a_token_that_is_invalid_in_a_header_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="not allowed in a header") as caught:
        AsyncClient(token)

    shown = "".join(traceback.format_exception(caught.value))
    assert not token or repr(token)[1:-1] not in shown.replace(f"{token!r}", "")


@pytest.mark.parametrize("token", [_VALUE, "name-01/02/2020-01/02/2199-abc/def+g=="])
def test_a_client_does_not_show_its_token(token: str) -> None:
    client = AsyncClient(token)

    assert token not in repr(client)
    assert token not in repr(client.issues)
    assert token not in repr(vars(client))


def test_a_personal_token_that_expires_causes_a_warning() -> None:
    with pytest.warns(TokenExpiryWarning, match="2025-01-01") as caught:
        AsyncClient("test-08/12/2024-01/01/2025-xxxxxxxxxxxxxx")

    assert "xxxx" not in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("token", ["plain", "a-1/1/2025-1/1/2026-x", "a-01/01/2025-13/45/2026-x"])
def test_a_token_without_an_expiry_date_is_accepted(token: str) -> None:
    assert personal_token_expiry(Secret(token)) is None
    assert Bearer(token).header() == f"Bearer {token}"


def test_basic_credentials_are_encoded_and_masked() -> None:
    basic = Basic("me@example.org", _VALUE)

    assert basic.header() == "Basic bWVAZXhhbXBsZS5vcmc6aHVzaC1odXNoLTQy"
    assert "me@example" not in repr(basic)
    assert _VALUE not in repr(basic)


def test_a_client_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(AsyncClient())
