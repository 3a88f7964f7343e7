"""A real Redis on loopback; without it, tests are skipped, and fail in CI."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class RedisServer:
    """A server that writes to its folder only on the command SAVE."""

    def __init__(self, folder: str = ".") -> None:
        program = shutil.which("redis-server")
        if program is None:
            reason = "There is no redis-server on this machine."
            assert "CI" not in os.environ, reason
            pytest.skip(reason)
        self.port = _free_port()
        self._command = [program, "--bind", "127.0.0.1", "--port", str(self.port)]
        self._command += ["--save", "", "--dir", folder]
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert any("Ready to accept connections" in line for line in self._process.stdout)

    def kill(self) -> None:
        """Kill the server, which then cannot save anything."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def redis_server() -> Iterator[int]:
    """Run a server; yield its port."""
    server = RedisServer()
    try:
        yield server.port
    finally:
        server.kill()
