"""Standard output in any encoding, closed or full: the exit code reports the work."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from seeclickfix_async._cli.interrupts import restored_interrupts
from seeclickfix_async._cli.run import run
from seeclickfix_async.sandbox import TOKEN
from tests.support.command_line import wait_until
from tests.support.text_service import READING, TextService

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_TEXT = "Hole 🕳\ufe0f at Çiçek—日本語"
_SENDING = (("comment", "1", "Danke 🙂"), ("close", "1", "Erledigt ✓"))
_REPORT = ("report", "--at", "41", "-73", "--address", _TEXT, "--type", "1", "--answers", "a.json")
_LOCAL = (("pull", "é.db"), ("map", "é.jsonl"), ("login", "--token"), ("logout",))


@pytest.fixture
def service() -> TextService:
    return TextService(_TEXT)


@pytest.fixture
def url(service: TextService) -> Iterator[str]:
    with service.serve() as url:
        yield url


@pytest.fixture(autouse=True)
def folder(url: str, working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with pulled issues and answers to a report, and no login."""
    monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
    (working_folder / "a.json").write_text(json.dumps({"summary": _TEXT}), "utf-8")
    (working_folder / "é.jsonl").write_text('{"id": 1}\n', "utf-8")
    return working_folder


def _run(stdout: Any, *arguments: str) -> tuple[int, str]:
    """Run a command with this standard output; return its exit code and standard error."""
    stderr = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setenv("SEECLICKFIX_TOKEN", TOKEN)
        patch.setattr("sys.stdin", io.StringIO("a-token\n"))
        with restored_interrupts():
            return run(list(arguments)), stderr.getvalue()


class _FailingOutput(io.StringIO):
    """A standard output that cannot be written."""

    def __init__(self, error: int) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str, /) -> int:
        raise OSError(self._error, os.strerror(self._error))


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932", "utf-16"])
@pytest.mark.parametrize("arguments", [*READING, *_SENDING, _REPORT, *_LOCAL])
def test_no_encoding_ends_a_command(arguments: Sequence[str], encoding: str) -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding) as stdout:
        code, errors = _run(stdout, *arguments)
        stdout.seek(0)
        output = stdout.read()

    assert code == (3 if arguments[0] == "pull" else 0), errors  # one row is unreadable
    assert "Traceback" not in errors
    assert output
    if arguments[0] == "whoami":
        encoded = f"{_TEXT} (#5)".encode(encoding, "backslashreplace")
        assert output.strip() == encoded.decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932", "utf-16", "utf-8", "UTF8"])
@pytest.mark.parametrize("arguments", [*READING, _SENDING[0], _REPORT])
def test_json_is_the_same_in_each_encoding(arguments: Sequence[str], encoding: str) -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding) as stdout:
        code, errors = _run(stdout, *arguments, "--json")
        stdout.seek(0)
        output = stdout.read()

    assert code == 0, errors
    assert json.dumps(_TEXT)[1:-1] in json.dumps(json.loads(output.splitlines()[0]))
    assert output.isascii() == (not encoding.lower().startswith(("utf-8", "utf8")))


@pytest.mark.parametrize(
    ("stdout", "lost"),
    [
        (_FailingOutput(errno.EPIPE), 141),
        (_FailingOutput(errno.ENOSPC), 1),
        (_FailingOutput(errno.EIO), 1),
        (None, 1),
    ],
)
@pytest.mark.parametrize("json_", [False, True])
@pytest.mark.parametrize("arguments", [*READING, *_SENDING, _REPORT, *_LOCAL])
def test_the_exit_code_reports_the_work(
    service: TextService, arguments: Sequence[str], json_: bool, stdout: Any, lost: int
) -> None:
    options = ("--json",) if json_ and arguments[0] not in ("map", "login", "logout") else ()

    code, errors = _run(stdout, *arguments, *options)

    if arguments in READING:
        assert code == lost
    else:
        assert code == (3 if arguments[0] == "pull" else 0)
    assert "Traceback" not in errors
    assert ("standard output cannot be written" in errors) == (lost == 1)
    posts = [request for request in service.requests if request[0] == "POST"]
    assert len(posts) == (arguments in (*_SENDING, _REPORT))


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ('"$@" | true; exit ${PIPESTATUS[0]}', 0),
        ('"$@" >&-', 0),
        ('"$@" >/dev/full', 0),
        ('"$@" >/dev/full 2>/dev/full', 0),
        ('"$@" >&- 2>&- <&-', 0),
        ('LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0 "$@"', 0),
        ('PYTHONIOENCODING=ascii "$@"', 0),
    ],
)
def test_a_comment_that_was_sent_is_a_success(service: TextService, shell: str, code: int) -> None:
    done = subprocess.run(
        ("bash", "-c", shell, "bash", *_SCF, "comment", "1", "Danke", "--json"),
        capture_output=True,
        check=False,
    )

    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert len(service.requests) == 1


@pytest.mark.parametrize("arguments", [("login", "--token"), ("report", "--at", "41", "-73")])
def test_input_in_another_encoding_is_one_sentence(
    service: TextService, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    done = subprocess.run(
        (*_SCF, *arguments), input=b"caf\xc3\xa9\n", capture_output=True, check=False
    )

    assert done.returncode in (1, 2)
    assert b"Traceback" not in done.stderr
    assert "POST" not in {method for method, _, _ in service.requests}


def test_a_feed_ends_when_its_output_is_closed(service: TextService, folder: Path) -> None:
    cursor = folder / "feed.json"
    options = ("watch", "--every", "0.05", "--cursor", "feed.json")
    with subprocess.Popen((*_SCF, *options), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_until(process, cursor.exists)
        begun = cursor.read_bytes()
        process.stdout.close()
        service.updated = "2099-01-01T00:00:00Z"

        assert process.wait(30) == 141
        assert cursor.read_bytes() == begun  # the change is reported again the next time


@pytest.mark.parametrize("arguments", [("--cursor", "feed.json"), ()])
def test_a_stopped_feed_does_not_speak_of_a_pull(
    service: TextService, arguments: Sequence[str]
) -> None:
    command = (*_SCF, "watch", "--every", "0.05", *arguments)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(process, lambda: len(service.requests) >= 3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "scf: stopped." in errors
    assert "With --cursor or --outbox, the same command continues after the last change." in errors
    assert "received" not in errors
