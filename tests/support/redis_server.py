"""A real Redis on loopback; in CI its absence is a failure."""

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
    """A server that keeps nothing on the disk, but for what SAVE writes into its folder."""

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
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert any("Ready to accept connections" in line for line in self._process.stdout)

    def kill(self) -> None:
        """End it at once, without another word to its disk."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def redis_server() -> Iterator[int]:
    """Run a server; gives its port."""
    server = RedisServer()
    try:
        yield server.port
    finally:
        server.kill()
