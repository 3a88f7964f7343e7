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


@contextmanager
def redis_server() -> Iterator[int]:
    """Run a server that keeps nothing on the disk; gives its port."""
    program = shutil.which("redis-server")
    if program is None:
        reason = "There is no redis-server on this machine."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    port = _free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert any("Ready to accept connections" in line for line in process.stdout)
            yield port
        finally:
            process.terminate()
            process.stdout.read()
