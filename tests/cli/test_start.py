"""The start of `scf`: what is loaded, the help, the exit codes and the completion."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclopts.completion.detect import ShellDetectionError

from seeclickfix_async._cli import exit_codes, sandbox_process
from seeclickfix_async._cli.app import app
from seeclickfix_async._cli.catalog import COMMANDS
from seeclickfix_async._cli.options import RunOptions
from tests.support.command_line import run_cli
from tests.support.repository import ROOT

_NOWHERE = "http://127.0.0.1:9"
_HEAVY = ("asyncio", "anyio", "httpx", "markdown_it", "rich.progress", "seeclickfix_async.models")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_no_command_is_loaded_that_does_not_run_and_modules_are_no_garbage(option: str) -> None:
    program = (
        "import gc, sys; from seeclickfix_async._cli import main; "
        f"sys.argv[1:] = [{option!r}]; code = main(); "
        f"print([name for name in {_HEAVY!r} if name in sys.modules], code, "
        "gc.get_freeze_count() > 10_000, gc.isenabled())"
    )
    done = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stdout.splitlines()[-1] == "[] 0 True True"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_first_line_of_each(name: str) -> None:
    command = app[name].default_command

    assert command is not None
    assert (command.__doc__ or "").splitlines()[0] == COMMANDS[name].help


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sandbox"])
def test_each_command_shows_examples_and_takes_the_shared_options(name: str) -> None:
    shown = run_cli(_NOWHERE, name, "--help").stdout

    assert "Examples:" in shown
    assert f"scf {name}" in shown.partition("Examples:")[2]
    assert {"--quiet", "--debug"} <= set(re.findall(r"--[a-z-]+", shown))
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    assert COMMANDS[name].help in words


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("sandbox", "demo")])
def test_the_examples_can_be_parsed(name: str) -> None:
    for example in COMMANDS[name].examples:
        command, bound, _ = app.parse_args([name, *shlex.split(example)], exit_on_error=False)
        bound.apply_defaults()
        assert command is app[name].default_command
        assert any(isinstance(value, RunOptions) for value in bound.arguments.values())


def test_the_help_is_grouped() -> None:
    shown = run_cli(_NOWHERE, "--help").stdout

    titles = re.findall("╭─ ([^─]+) ─", shown)
    assert titles[1:] == [*dict.fromkeys(entry.group for entry in COMMANDS.values())]
    assert all(f"│ {name} " in shown for name in COMMANDS)


def test_the_documentation_has_each_command() -> None:
    page = (ROOT / "docs/reference/command-line.md").read_text("utf-8")

    rows = re.findall(r"^\| `scf (\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert dict(rows) == {name: entry.help for name, entry in COMMANDS.items()}


def test_the_documentation_has_each_exit_code() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text("utf-8")

    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert {int(code): text for code, text in rows} == exit_codes.MEANINGS
    codes = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    assert codes == set(exit_codes.MEANINGS)


def _complete(script: Path, *words: str) -> set[str]:
    """Return the completions of a command line in bash."""
    bash = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _scf; '
    done = subprocess.run(
        ("bash", "--norc", "-c", bash + 'printf "%s\\n" "${COMPREPLY[@]}"', "bash", script, *words),
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.strip() for line in done.stdout.splitlines()}


def test_completion_is_installed_for_each_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ZSH", "ZSH_CUSTOM", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        done = run_cli(_NOWHERE, "--install-completion", "--shell", shell)
        assert done.returncode == 0, done.stderr
        scripts[shell] = Path(done.stdout.split()[1].rstrip("."))
        assert done.stdout.startswith(f"Installed {scripts[shell]}. Open a new terminal")

    assert str(scripts["bash"]) in (tmp_path / ".bashrc").read_text("utf-8")
    assert set(COMMANDS) <= _complete(scripts["bash"], "scf", "")
    assert {"pull", "places", "probe"} == _complete(scripts["bash"], "scf", "p")
    assert {"--request-type"} == _complete(scripts["bash"], "scf", "pull", "x.db", "--req")
    assert {"csv"} == _complete(scripts["bash"], "scf", "issues", "--format", "c")
    for shell in ("zsh", "fish"):
        program = shutil.which(shell)
        if program is not None:
            subprocess.run((program, "-n", scripts[shell]), check=True)


def test_an_unknown_shell_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cyclopts.completion.detect.detect_shell", _detection_fails)

    done = run_cli(_NOWHERE, "--install-completion")

    assert done.returncode == 2
    assert done.stderr.startswith("scf: --shell: could not be detected. Use --shell bash")
    assert done.stderr.count("\n") == 1


def _detection_fails() -> None:
    raise ShellDetectionError


@pytest.mark.parametrize(
    ("package", "command", "extras"),
    [
        ("cyclopts", "whoami", "cli"),
        ("platformdirs", "whoami", "cli"),
        ("rich", "demo", "cli,sandbox"),
        ("rich", "sandbox", "cli,sandbox"),
    ],
)
def test_a_missing_package_names_the_extras(package: str, command: str, extras: str) -> None:
    install = f"pip install 'seeclickfix-async[{extras}]'"
    program = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['scf', {command!r}]; "
        "from seeclickfix_async._cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 2
    assert done.stderr == f"scf requires the 'cli' extra: {install}\n"


def test_a_sandbox_without_its_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_process, "find_extras", lambda: {"sandbox": False})

    done = run_cli(_NOWHERE, "sandbox")

    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'seeclickfix-async[sandbox]'" in done.stderr
