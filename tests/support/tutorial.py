"""Tutorials, played as a reader would: files are written, and commands are run in terminals.

    python -m tests.support.tutorial docs/tutorial/*.md

writes what the commands print into the pages.
"""

from __future__ import annotations

import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from html import unescape
from pathlib import Path

import attrs
import httpx

from tests.support.repository import ROOT

_BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^(?:(\$ .*|\^C)\n)?((?:(?!\$ |\^C$).*\n)*)", re.MULTILINE)
_INTERRUPT = "^C"
_READERS_FOLDER = "/home/you/tutorial"
_VARYING = (  # what differs from one machine or run to the next, and what the pages have instead
    (re.compile(r"It took .*"), "It took 1 second"),
    (re.compile(r"process \[\d+\]"), "process [4242]"),
)


@attrs.define
class _Terminal:
    """A terminal, which runs one command at a time."""

    process: subprocess.Popen[str]
    lines: queue.SimpleQueue[str] = attrs.field(init=False, factory=queue.SimpleQueue)
    reader: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        with self.process:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.lines.put(line)
        self.lines.put("")

    def read(self, count: int | None) -> str:
        """Return the next lines, or all up to the end of the command."""
        found: list[str] = []
        while count is None or len(found) < count:
            line = self.lines.get(timeout=30)
            found.append(line)
            if not line:
                break
        return "".join(found)


class Tutorial:
    """A tutorial that is being played.

    Args:
        page: Its Markdown. Blocks with a title are played: `console` with the name of the terminal,
            in which `^C` interrupts the command; `text` for the browser; others are files. The
            sandbox has no quota, its changes are noticed sooner, and all ports are free ones.
        folder: The working folder.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._ports = {
            port: _free_port() for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", page)))
        }
        self._replacements = {
            "every=5": "every=1",
            **{f"127.0.0.1:{shown}": f"127.0.0.1:{used}" for shown, used in self._ports.items()},
            **{f"--port {shown}": f"--port {used}" for shown, used in self._ports.items()},
            "scf sandbox": f"scf sandbox --limit 0 --port {self._ports['3110']}",
        }
        self._terminals: dict[str, _Terminal] = {}
        self._environments: dict[str, dict[str, str]] = {}

    def play(self) -> str:
        """Return the page with the output that was printed, and end all commands."""
        self._write_programs()
        try:
            return _BLOCK.sub(self._play_block, self._page)
        finally:
            self._end()

    def _write_programs(self) -> None:
        programs = self._folder / "programs"
        programs.mkdir()
        python = shlex.quote(sys.executable)
        for name in ("scf", "python", "uvicorn"):
            module = {"scf": "-m seeclickfix_async._cli", "uvicorn": "-m uvicorn"}.get(name, "")
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {python} {module} "$@"\n', "utf-8")
            program.chmod(0o755)
        (self._folder / "tutorial").mkdir()

    def _play_block(self, block: re.Match[str]) -> str:
        language, title, content = block.groups()
        if language == "console":
            # A command that a later block of this terminal continues or interrupts does not end.
            later = re.search(rf'title="{title}"\n(.*)', self._page[block.end() :])
            is_left_running = later is not None and not later[1].startswith("$ ")
            content = self._play_console(title, content, is_left_running=is_left_running)
        elif language == "text":
            content = self._sign_in()
        else:
            (self._folder / "tutorial" / title).write_text(self._replace(content), "utf-8")
        return f'```{language} title="{title}"\n{content}```'

    def _play_console(self, title: str, content: str, *, is_left_running: bool) -> str:
        steps = [step.groups(default="") for step in _STEP.finditer(content) if step[0]]
        played = ""
        for number, (action, expected) in enumerate(steps):
            if action == _INTERRUPT:
                os.killpg(self._terminals[title].process.pid, signal.SIGINT)
            elif action:
                self._start(title, action.removeprefix("$ "))
            is_last = number == len(steps) - 1
            count = expected.count("\n") if is_last and is_left_running else None
            output = self._terminals[title].read(count) if title in self._terminals else ""
            played += (action and f"{action}\n") + self._restore(output)
        return played

    def _start(self, title: str, command: str) -> None:
        environment = self._environments.setdefault(title, self._initial_environment())
        if command.startswith("export "):
            for assignment in shlex.split(self._replace(command))[1:]:
                name, _, value = assignment.partition("=")
                environment[name] = value
            self._terminals.pop(title, None)
            return
        self._terminals[title] = _Terminal(
            subprocess.Popen(
                ("sh", "-c", f"exec {self._replace(command)}"),
                cwd=self._folder / "tutorial",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )

    def _sign_in(self) -> str:
        """Follow the link of the service, press "Authorize", and return what the browser shows."""
        with httpx.Client(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
            home = browser.get(f"http://127.0.0.1:{self._ports['8000']}/")
            link = re.findall(r'href="(.+?)"', home.text)[0]
            page = browser.get(home.url.join(link))
            fields = re.findall(r'name="(.+?)" value="(.*?)"', page.text.partition("</form>")[0])
            answer = {name: unescape(value) for name, value in fields}
            return browser.post(page.url, data=answer).text + "\n"

    def _initial_environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._folder / 'programs'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self._folder),
            "COLUMNS": "80",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }

    def _replace(self, content: str) -> str:
        for shown, used in self._replacements.items():
            content = content.replace(shown, used)
        return content

    def _restore(self, output: str) -> str:
        for shown, used in self._replacements.items():
            output = output.replace(used, shown)
        output = output.replace(str((self._folder / "tutorial").resolve()), _READERS_FOLDER)
        for varying, constant in _VARYING:
            output = varying.sub(constant, output)
        return "".join(f"{line.rstrip()}\n" for line in output.splitlines())

    def _end(self) -> None:
        for terminal in self._terminals.values():
            if terminal.process.poll() is None:
                os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.reader.join()


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def main() -> None:
    """Write the printed output into each page."""
    for name in sys.argv[1:]:
        page = Path(name)
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(Tutorial(page.read_text("utf-8"), Path(folder)).play(), "utf-8")


if __name__ == "__main__":
    main()
