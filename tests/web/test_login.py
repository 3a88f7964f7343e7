"""The arguments of `Login`, and its extra."""

from __future__ import annotations

import secrets
import subprocess
import sys
from typing import Any

import pytest

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.web import Login
from tests.support.login_browser import (
    CALLBACK,
    application,
)
from tests.support.login_site import KEY, LoginSite

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"secret_key": "short"}, "secret_key"),
        ({"secret_key": []}, "secret_key"),
        ({"secret_key": [KEY, "short"]}, "secret_key"),
        ({"secret_key": None}, "secret_key"),
        ({"secret_key": b"k" * 40}, "secret_key"),
        ({"kind": "token"}, "kind"),
        ({"scope": "a,b"}, "scope"),
        ({"max_age": 0}, "max_age"),
        ({"scope": secrets.token_hex(1500)}, "scope"),
        ({"redirect_uri": "https://app.example"}, "app"),
        ({"redirect_uri": "https://app.example/callback/"}, "app"),
        ({"redirect_uri": "https://app.example/{callback}"}, "app"),
        ({"redirect_uri": "https://app.example/login"}, "app"),
        ({"redirect_uri": "org.example.app:/callback"}, "app"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, "app"),
    ],
)
def test_invalid_arguments_are_refused(options: dict[str, Any], argument: str) -> None:
    app = application(options.pop("redirect_uri", CALLBACK))

    with pytest.raises(InvalidArgumentError) as caught:
        LoginSite(app, **options)

    assert caught.value.argument == argument
    assert "short" not in str(caught.value)


@pytest.mark.parametrize("absent", ["starlette", "itsdangerous"])
def test_a_missing_extra_is_named(absent: str) -> None:
    program = f"import sys; sys.modules[{absent!r}] = None; import seeclickfix_async.web"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: seeclickfix_async.web requires the 'web' extra: "
        "pip install 'seeclickfix-async[web]', or the 'fastapi' extra, which contains it"
    )


def test_the_repr_has_no_secret() -> None:
    login = LoginSite(application()).login

    assert isinstance(login, Login)
    assert KEY not in repr(login)
