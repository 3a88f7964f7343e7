"""No text steers the terminal, whatever prints it."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seeclickfix_async._cli.terminal import err, out
from seeclickfix_async.sandbox import TOKEN
from tests.support.command_line import run_cli, wait_until
from tests.support.text_service import HOSTILE, READING, TextService

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_REPORT = ("report", "--at", "41", "-73", "--address", HOSTILE, "--type", "1")
_STYLES = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")  # of rich: colours, and movements of the cursor
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
_SHOWN = "[/12345] [bold]b[/bold] :warning: [link=https://evil.example]x[/link]"


def _harmful(text: str) -> set[str]:
    """Return the characters that a terminal interprets."""
    controls = {character for character in text if unicodedata.category(character) in ("Cc", "Cs")}
    bidi = {character for character in text if ord(character) in _BIDI or character == "\u2028"}
    return controls - {"\n"} | bidi


@pytest.fixture(scope="module")
def service() -> TextService:
    return TextService(HOSTILE)


@pytest.fixture(scope="module")
def url(service: TextService) -> Iterator[str]:
    with service.serve() as url:
        yield url


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wide terminal, and no login."""
    monkeypatch.setenv("COLUMNS", "1000")
    for console in (out, err):  # which read it when they are made
        monkeypatch.setattr(console, "_width", 1000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture(params=[0, 400, 403, 422, 500])
def refusal(service: TextService, request: pytest.FixtureRequest) -> Iterator[int]:
    service.refusal = request.param
    yield request.param
    service.refusal = 0


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("issues",), ""),
        (("show", "1"), ""),
        (("whoami",), ""),
        (("form", "41", "-73"), ""),
        (("questions", "1"), ""),
        (("places", "41", "-73"), ""),
        (("places", "41", "-73", "--name", HOSTILE), ""),
        (("comment", "1", HOSTILE), ""),
        (("close", "1", HOSTILE), ""),
        (_REPORT, "Hole\n1\n1\ny\ny\n"),
        (("login", "--token"), "a-token\n"),
    ],
)
def test_texts_of_the_service_are_shown_as_they_are(
    url: str, refusal: int, arguments: Sequence[str], stdin: str
) -> None:
    done = run_cli(url, *arguments, stdin=stdin)

    output = done.stdout + done.stderr
    assert done.returncode == (1 if refusal else 0), done.stderr
    assert _harmful(output) == set()
    assert "Traceback" not in output
    if not refusal and arguments[0] not in ("comment", "close"):
        assert _SHOWN in output
    if arguments[0] != "show":  # its description and comments may have several lines
        assert not re.search("^#66", output, re.MULTILINE)


@pytest.mark.parametrize("arguments", [*READING, ("comment", "1", "Hello")])
def test_json_is_harmless_and_keeps_every_character(url: str, arguments: Sequence[str]) -> None:
    done = run_cli(url, *arguments, "--json")

    assert done.returncode == 0, done.stderr
    assert _harmful(done.stdout + done.stderr) == set()
    assert HOSTILE in _strings(json.loads(done.stdout.splitlines()[0]))


def _without_nul(arguments: Sequence[str]) -> list[str]:
    """Return arguments that a process can be started with."""
    return [argument.replace("\0", "") for argument in arguments]


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)


@pytest.mark.parametrize(
    "arguments",
    [
        (HOSTILE,),
        ("issues", HOSTILE),
        ("issues", "--status", HOSTILE),
        ("issues", "--place", HOSTILE),
        ("issues", "--limit", HOSTILE),
        ("issues", "--base-url", HOSTILE),
        ("show", HOSTILE),
        ("pull", HOSTILE),
        ("pull", f"{HOSTILE}.db"),
        ("map", f"{HOSTILE}.db"),
        ("watch", "--cursor", HOSTILE),
        ("watch", "--exec", HOSTILE),
        ("report", "--answers", HOSTILE),
        ("comment", "1", "x", "--image", HOSTILE),
    ],
)
def test_arguments_and_file_names_are_harmless(
    url: str, arguments: Sequence[str], tmp_path: Path
) -> None:
    done = run_cli(url, *_without_nul(arguments), cwd=tmp_path)

    assert done.returncode != 0 or arguments[:2] == ("issues", "--place")
    assert _harmful(done.stdout + done.stderr) == set()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("whoami",), ("places", "41", "-73", "--name", HOSTILE)])
def test_a_long_string_is_one_line_in_a_pipe(
    url: str, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_width", 40)

    done = run_cli(url, *arguments)

    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_change_is_one_harmless_line(options: Sequence[str], tmp_path: Path) -> None:
    service = TextService(HOSTILE)
    fail = "import sys; sys.stdin.read(); sys.exit(1)"  # ends the feed after the first change
    command = shlex.join([sys.executable, "-c", fail])
    arguments = ("watch", "--every", "0.05", "--cursor", "feed.json", "--exec", command, *options)
    with service.serve() as url:
        environment = {**os.environ, "SEECLICKFIX_BASE_URL": url, "PYTHONPATH": str(Path.cwd())}
        with subprocess.Popen(
            (*_SCF, *arguments),
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            wait_until(process, (tmp_path / "feed.json").exists)
            service.updated = "2099-01-01T00:00:00Z"
            output, errors = process.communicate(timeout=60)

    assert process.returncode == 1, errors
    assert output.count(b"\n") == 1
    assert _harmful(output.decode() + errors.decode()) == set()
    assert _SHOWN in output.decode()


_NEW_COMMAND = """
import logging, sys, warnings
from seeclickfix_async._cli.run import app, run
from seeclickfix_async._cli.terminal import err, out, print_json
from tests.support.text_service import HOSTILE, READING

@app.command(name="new")
def new_command():
    out.print(HOSTILE)
    err.print(f"error: {HOSTILE}")
    print_json({"text": HOSTILE})
    print(HOSTILE)
    print(HOSTILE, file=sys.stderr, end="", flush=True)
    logging.getLogger("seeclickfix_async").warning("rejected: %s", HOSTILE)
    warnings.warn(HOSTILE)
    raise ValueError(HOSTILE)

sys.exit(run(["new"]))
"""


def test_everything_that_a_new_command_prints_is_harmless() -> None:
    done = subprocess.run(
        (sys.executable, "-c", _NEW_COMMAND),
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
    )

    output, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 1
    assert _harmful(output + errors) == set()
    assert output.count(_SHOWN) == 3
    assert errors.count(_SHOWN) == 5
    assert "ValueError: Hole" in errors
    assert "Please report it" in errors


def _run_on_terminal(arguments: Sequence[str], url: str, cwd: Path, stdin: bytes = b"") -> str:
    """Run a command on a pseudo-terminal, and return what reached it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "SEECLICKFIX_BASE_URL": url, "SEECLICKFIX_TOKEN": TOKEN}
    environment |= {"TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        (*_SCF, *arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=cwd
    ) as process:
        os.close(theirs)
        os.write(ours, stdin)
        output = b""
        while True:
            try:
                output += os.read(ours, 65_536)
            except OSError:  # the terminal was closed: the process has ended
                break
    os.close(ours)
    assert process.returncode in (0, 3), output  # 3: one row of the service cannot be read
    return output.decode()


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("issues",), b""),
        (("show", "1"), b""),
        (("pull", "[x] \x1b]0;title\x07 [link=evil]x[bold] :warning:.jsonl"), b""),
        (_REPORT, b"Hole\n1\n1\ny\ny\n"),
    ],
)
def test_a_terminal_receives_only_the_styles_of_scf(
    url: str, arguments: Sequence[str], stdin: bytes, tmp_path: Path
) -> None:
    output = _run_on_terminal(_without_nul(arguments), url, tmp_path, stdin)

    assert "\x1b[" in output
    assert "\x1b[2J" not in output
    assert _harmful(_STYLES.sub("", output)) <= {"\r"}  # the terminal's own line breaks
