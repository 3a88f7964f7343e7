"""Error messages of the command line: options instead of Python arguments."""

from __future__ import annotations

import pytest

from seeclickfix_async import errors
from seeclickfix_async._cli.commands.pull import pull
from seeclickfix_async._cli.commands.read import issues
from seeclickfix_async._cli.messages import _ADVICE, describe, describe_faults
from seeclickfix_async.errors import SeeClickFixError
from tests.support.error_samples import SAMPLES

# No command raises the first two; the other two are caught in the command.
_NEVER_SHOWN = (
    errors.ClosedClientError,
    errors.EventLoopError,
    errors.FlowExpiredError,
    errors.IssueMayExistError,
)
_SHOWN = [error for error in SAMPLES if not isinstance(error, _NEVER_SHOWN)]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            errors.ConnectionFailedError("Gone.", advice="Check base_url.", route="GET /issues"),
            "GET /issues: Gone. Check --base-url, the network and the proxy settings.",
        ),
        (
            errors.AuthenticationError("No.", code="not_signed_in", advice="Pass a token."),
            "No. Use scf login, or set SEECLICKFIX_TOKEN.",
        ),
        (
            errors.PermissionDeniedError("No.", code="not_signed_in", reason="anonymous"),
            "No. Use scf login, or set SEECLICKFIX_TOKEN.",
        ),
        (
            errors.PermissionDeniedError("No.", advice="Use another account."),
            "No. Use another account.",
        ),
        (errors.NotFoundError("No.", code="unknown_path"), "No. Check --base-url, and any id"),
        (errors.BlockedError("No.", advice="Set contact="), "No. Stop sending requests"),
        (errors.DecodeError("It is empty."), "The response cannot be read: It is empty."),
        (
            errors.TruncatedResultsError("It stopped.", received=7),
            "It stopped. 7 of an unknown number of rows were received. Use scf pull",
        ),
        (errors.InvalidArgumentError("per_page", "no.", advice="Wait."), "--limit: no. Wait."),
        (errors.FileLockedError("to", "x.db", 7), "FILE: another pull (process 7) is writing x.db"),
    ],
)
def test_a_message_names_the_options_of_the_command_line(
    error: SeeClickFixError, message: str
) -> None:
    described = describe(error, issues)

    assert described.startswith(message)
    assert message.endswith(".") <= (described == message)


@pytest.mark.parametrize("error", _SHOWN, ids=lambda error: type(error).__name__)
def test_no_message_contains_names_of_the_python_api(error: SeeClickFixError) -> None:
    described = describe(error, pull)

    for name in ("base_url", "client.issues", "client.request", "contact=", "per_page"):
        assert name not in described


def test_every_advice_belongs_to_a_documented_code() -> None:
    words = (errors.__doc__ or "").split()

    assert [code for code in _ADVICE if code not in words] == []


def test_each_fault_of_a_report_has_a_line() -> None:
    error = errors.InvalidDraftError({"lat": ["bad."], "142": ['"How large is it?" bad.']})

    assert [*describe_faults(error, issues)] == ["- LAT: bad.", '- "How large is it?" bad.']
