"""Error messages in terms of the command line: options instead of Python arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from typing import Any

from seeclickfix_async._cli.catalog import CHECK_WRITE
from seeclickfix_async._cli.terminal import out, print_json
from seeclickfix_async._core.variables import SECRET_VARIABLE, TOKEN_VARIABLE
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError, SeeClickFixError

Command = Callable[..., Any]

PLACES_HINT = "scf places LAT LNG lists the places at a point."

# Arguments of the library that a command takes under another name.
_OPTIONS = {
    "anonymize_reporter": "--anonymous",
    "answers": "--answers",
    "base_url": "--base-url",
    "contact": "--contact",
    "excel": "--excel",
    "json": "--json",
    "no_limit": "--no-limit",
    "per_page": "--limit",
    "place_url": "--place",
    "radius": "METRES",
    "redirect_uri": "--redirect-uri",
    "request_types": "--request-type",
    "to": "FILE",
    **{name: name.upper() for name in ("lat", "lng", "min_lat", "min_lng", "max_lat", "max_lng")},
}
_SIGN_IN = f"Use scf login, or set {TOKEN_VARIABLE}."
_SITE = "Check --base-url."
_NETWORK = "Check --base-url, the network and the proxy settings."
_APPLICATION = f"Check --client-id and {SECRET_VARIABLE}."
_OTHER_FLOW = "Try the other kind of flow, with or without --implicit."
# The next step by error code, where the library's own advice is about Python.
_ADVICE = {
    "access_denied": "You are not signed in.",
    "ambiguous_name": "Use one of them with --place.",
    "blocked": "Stop sending requests, and write to the service.",
    "browser_challenge": "Send fewer requests, or try from another network.",
    "connection_failed": _NETWORK,
    "foreign_token": "Start the login again.",
    "foreign_redirect": "Check --base-url, and whether the login page of a network has responded.",
    "insecure_http": "Use https:// in --base-url, or run the command without a token.",
    "invalid_client": _APPLICATION,
    "keyring_locked": "Unlock it, and try again.",
    "no_pull_to_update": "Use the same area, filters and --details as before, or leave --update "
    "and --sweep out to add a pull.",
    "not_signed_in": _SIGN_IN,
    "pull_complete": "Fetch what changed since with --update, unless a filter forbids it, or pull "
    "everything again into another file.",
    "rate_limited": "Wait a minute. Other programs at this address may use the quota, too.",
    "reauthorization_required": _SIGN_IN,
    "redirect_loop": _SITE,
    "redirect_refused": _SITE,
    "response_lost": CHECK_WRITE,
    "response_timeout": CHECK_WRITE,
    "response_too_large": "Use a smaller --limit, or check --base-url.",
    "truncated_results": "Use scf pull, which is not subject to the service's page limit, or "
    "narrow the query.",
    "unauthorized_client": _APPLICATION,
    "unknown_path": "Check --base-url, and any id that you typed.",
    "unreadable_response": "",
    "unsupported_grant_type": _OTHER_FLOW,
    "unsupported_response_type": _OTHER_FLOW,
}


def describe(error: SeeClickFixError, command: Command) -> str:
    """Return the message for an error that ended a command, with the next step."""
    message = error.message
    if isinstance(error, InvalidArgumentError):
        message = f"{option_name(error.argument, command)}: {error.reason}"
    message = f"{message} {_ADVICE.get(error.code, error.advice)}".rstrip()
    return f"{message} (Request id: {error.request_id})" if error.request_id else message


def describe_faults(error: InvalidDraftError, command: Command) -> Iterator[str]:
    """Yield a line for each fault of a report; those of a question name the question already."""
    for field, reasons in error.errors.items():
        name = option_name(field, command)
        for reason in reasons:
            yield f"- {reason}" if name == field else f"- {name}: {reason}"


def is_question(field: str, command: Command) -> bool:
    """Return whether a field of a report is a question's, not an argument or the whole."""
    return field != "base" and option_name(field, command) == field


def option_name(argument: str, command: Command) -> str:
    """Return an argument's name on the command line: `--per-page`, or `ID` if positional."""
    parameter = signature(command).parameters.get(argument)
    if parameter is None:
        return _OPTIONS.get(argument, argument)
    if parameter.kind is Parameter.POSITIONAL_ONLY:
        return argument.upper()
    return f"--{argument.replace('_', '-')}"


def print_moderated(*, json: bool) -> None:
    """Print that a report or a comment awaits moderation."""
    if json:
        print_json({"moderated": True})
    else:
        out.print("Accepted. It becomes visible when a moderator has approved it.")
