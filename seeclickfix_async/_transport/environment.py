"""The settings of the environment that the HTTP library reads, and what is wrong with them.

The library's own errors do not name the variable, and may contain the password of a proxy.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from seeclickfix_async.errors import ConnectionFailedError, InvalidEnvironmentError

_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_PROXY_SCHEMES = ("http", "https", "all")


def check_certificate_folders() -> None:
    """Refuse folders of certificates if none exists: TLS would trust no server, without an error.

    Raises:
        InvalidEnvironmentError: None exists.
    """
    folders = os.environ.get("SSL_CERT_DIR", "")
    if not folders or os.environ.get("SSL_CERT_FILE"):
        return
    # Path.is_dir raises an error for a name that is too long or a folder that may not be read.
    if not any(os.path.isdir(folder) for folder in folders.split(os.pathsep)):  # noqa: PTH112
        raise _invalid("SSL_CERT_DIR", "is not a folder.")


def tls_error(error: OSError) -> ConnectionFailedError:
    """Return the error for certificates that cannot be loaded."""
    names = [name for name in _TLS_VARIABLES if os.environ.get(name)]
    named = [name for name in names if os.environ[name] == error.filename]
    if isinstance(error, ssl.SSLError):
        reason = "it is not a file of certificates in PEM format"
    else:
        reason = error.strerror or "it cannot be read"
    if not names:
        return ConnectionFailedError(f"TLS cannot be used: {reason}. Nothing was sent.")
    return _invalid((named or names)[0], f"cannot be used: {reason}.")


def proxy_settings_error(check: Callable[[str], object]) -> InvalidEnvironmentError:
    """Return the error for proxies that the HTTP library refuses.

    Args:
        check: Raises an exception for the URL of a proxy that the library refuses.
    """
    for scheme, url in _proxies():
        try:
            check(url)
        except ImportError:
            reason = "is a SOCKS proxy, which requires another package: pip install 'httpx[socks]'."
            return _invalid(_variable(scheme), reason)
        except Exception:  # noqa: BLE001  # of any class, and it may contain a password
            reason = "is not the URL of a proxy, such as http://, https:// or socks5://host:port."
            return _invalid(_variable(scheme), reason)
    return _invalid(
        _variable("no"),
        "has an invalid entry. Use host names and addresses; IPv6 addresses without brackets, and "
        "no IPv6 networks.",
    )


def describe_proxy(host: str, port: int) -> str:
    """Return a proxy's host and port, and the variable that it comes from, if it does."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for scheme, url in _proxies():
        with suppress(ValueError):  # another one is invalid
            parts = urlsplit(url)
            if parts.hostname == host and parts.port in (None, port):
                return f"{address} ({_variable(scheme)})"
    return address


def certificate_variable() -> str:
    """Return the variable that replaces the trusted certificates, or an empty string."""
    return next((name for name in _TLS_VARIABLES[:2] if os.environ.get(name)), "")


def describe_variables() -> dict[str, str]:
    """Return the variables that are set, with the proxies' addresses but not their credentials."""
    found = {_variable(scheme): _proxy_address(url) for scheme, url in _proxies()}
    names = ("no_proxy", "NO_PROXY", *_TLS_VARIABLES)
    return found | {name: os.environ[name] for name in names if os.environ.get(name)}


def _proxy_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "not a URL"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _invalid(variable: str, reason: str) -> InvalidEnvironmentError:
    return InvalidEnvironmentError(
        f"The environment variable {variable} {reason}",
        variable=variable,
        advice="Correct or unset it.",
    )


def _proxies() -> Iterator[tuple[str, str]]:
    """Yield the proxies of the environment with their schemes, as the HTTP library finds them."""
    from urllib.request import getproxies  # noqa: PLC0415  # httpx has loaded it, or it costs time

    proxies = getproxies()
    for scheme in _PROXY_SCHEMES:
        url = proxies.get(scheme)
        if url:
            yield scheme, url if "://" in url else f"http://{url}"


def _variable(scheme: str) -> str:
    """Return the name of a proxy variable as it is written; capitals by default."""
    name = f"{scheme}_proxy"
    return name if os.environ.get(name) else name.upper()
