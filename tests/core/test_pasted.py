"""Values that were copied together with something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seeclickfix_async import AsyncClient, Secret
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.oauth import Application, authorize_url

_CALLBACK = "https://app.example/callback"
_VALUE = "https://value.example"  # valid in every place
_PLACES: dict[str, Callable[[str], object]] = {
    "token": AsyncClient,
    "token of a view": lambda value: AsyncClient().with_options(token=Secret(value)),
    "base_url": lambda value: AsyncClient(base_url=value),
    "client_id": lambda value: Application(value, _CALLBACK),
    "client_id of a URL": lambda value: authorize_url(value, _CALLBACK),
    "client_secret": lambda value: Application("app", _CALLBACK, value),
    "redirect_uri": lambda value: Application("app", value),
}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(
    ("pasted", "names"),
    [
        ("Bearer {}", ["the word Bearer"]),
        ("bearer\t{}", ["the word Bearer"]),
        ("Authorization: Bearer {}", ["the word Bearer"]),
        ('"{}"', ["quotes"]),
        ("'{}'", ["quotes"]),
        ("\u201c{}\u201d", ["quotes"]),
        ("`{}", ["quotes"]),
        (" {}", ["a space"]),
        ("{}\r\n", ["a line break"]),
        ("\u00a0{}", ["a space"]),
        ("\ufeff{}", ["utf-8-sig"]),
        ("\u200b{}\u200f", ["an invisible character"]),
        ('\ufeff"Bearer {}"\n', ["utf-8-sig", "quotes", "Bearer", "a line break"]),
    ],
)
def test_the_additions_to_a_pasted_value_are_named(
    place: str, pasted: str, names: list[str]
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _PLACES[place](pasted.format(_VALUE))

    assert caught.value.argument == place.split(maxsplit=1)[0]
    assert all(name in caught.value.reason for name in names)
    assert "value.example" not in str(caught.value)


@pytest.mark.parametrize("place", _PLACES)
def test_a_value_without_additions_is_accepted(place: str) -> None:
    assert _PLACES[place](_VALUE)


@pytest.mark.parametrize("secret", ["p@ss:w+r d%20=&~/é", "Bearer-of-news", 'in "quotes" there'])
def test_a_client_secret_may_have_any_characters(secret: str) -> None:
    assert Application("app", _CALLBACK, secret).client_secret == Secret(secret)


def test_a_client_secret_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="client_secret"):
        Application("app", _CALLBACK, "half a pair \ud800")
