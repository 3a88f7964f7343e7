"""Ctrl-C: one message, the exit code 130, and nothing else, however often it is pressed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from tests.support.command_line import wait_until

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_AT_ITS_END = """
import os, signal, sys
from seeclickfix_async._cli import main
code = main()
os.kill(os.getpid(), signal.SIGINT)
sys.exit(code)
"""

pytestmark = pytest.mark.usefixtures("working_folder")


def _interrupt_when_refused(sandbox: Sandbox, *arguments: str) -> tuple[int, str]:
    """Interrupt a command without a pause from its first 429 on; return exit code and errors."""
    with subprocess.Popen((*_SCF, *arguments), stderr=subprocess.PIPE, text=True) as process:
        wait_until(process, lambda: any(seen.status == 429 for seen in tuple(sandbox.requests)))
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        return process.wait(), process.stderr.read()


@pytest.mark.parametrize("name", ["x.jsonl", "x.db", "x.parquet"])
def test_further_interrupts_do_not_disturb_the_end_of_a_pull(name: str) -> None:
    # The fourth request is refused: no more than three pages can be received.
    sandbox = Sandbox(2000, settings=Settings(quota=Quota(3, per=120)))
    with sandbox.serve() as url:
        code, errors = _interrupt_when_refused(sandbox, "pull", name, "--base-url", url)

    assert code == 130
    assert errors.splitlines()[-1] == (
        "scf: stopped. Everything received so far is saved. The same command continues the pull, "
        "unless it is complete."
    )
    assert "Traceback" not in errors
    assert "never awaited" not in errors


def test_an_interrupt_ends_the_wait_for_a_token() -> None:
    terminal, stdin = pty.openpty()
    with subprocess.Popen(
        (*_SCF, "login", "--token"),
        stdin=stdin,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # without /dev/tty, so that the prompt is on standard error
    ) as process:
        assert process.stderr is not None
        prompt = ""
        while not prompt.endswith("Token: "):
            assert process.poll() is None
            prompt += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    os.close(terminal)
    os.close(stdin)

    assert process.returncode == 130
    assert errors.endswith("scf: stopped.\n")
    assert "Traceback" not in errors


def test_further_interrupts_do_not_disturb_the_end_of_a_report(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", "utf-8")
    sandbox = Sandbox(10, settings=Settings(quota=Quota(1, per=60)))
    options = ("--at", "1", "1", "--address", "x", "--type", "1", "--answers", "a.json")
    with sandbox.serve() as url:
        with urllib.request.urlopen(f"{url}/api/v2/issues"):
            pass  # now the quota is used up
        code, errors = _interrupt_when_refused(sandbox, "report", *options, "--base-url", url)

    assert code == 130
    assert errors.splitlines()[-1].startswith("scf: stopped. If you confirmed the report")
    assert "Traceback" not in errors


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--wrong", 2)])
def test_an_interrupt_after_the_end_of_a_command_changes_nothing(argument: str, code: int) -> None:
    done = subprocess.run(
        (sys.executable, "-W", "error", "-c", _AT_ITS_END, argument),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert "KeyboardInterrupt" not in done.stderr


def _has_received(sandbox: Sandbox, number: int) -> bool:
    return len(sandbox.requests) >= number


def test_a_command_that_ignores_interrupts_is_not_stopped() -> None:
    """A shell starts a script's background processes so."""
    sandbox = Sandbox(10, settings=Settings(quota=None))
    with sandbox.serve() as url:
        command = (*_SCF, "watch", "--every", "0.05", "--base-url", url)
        ignoring = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command)
        with subprocess.Popen(ignoring) as process:
            try:
                for number in (3, 6):
                    wait_until(process, partial(_has_received, sandbox, number))
                    os.kill(process.pid, signal.SIGINT)
            finally:
                process.terminate()

    assert process.returncode == 0  # after SIGTERM
