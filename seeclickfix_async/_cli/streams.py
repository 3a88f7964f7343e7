"""Standard output and standard error while a command runs: no failure of theirs ends it."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seeclickfix_async._cli.terminal import TerminalConsole, err, out


class _StandardStream:
    """A stream in front of another, which may be None if it was closed when the process began."""

    errors = "backslashreplace"

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())


class OutputStream(_StandardStream):
    """A stream that discards what is written to it after an error.

    A command may have changed something before it prints, so that a full disk, a closed pipe or an
    unsuitable encoding must not make it fail.

    Attributes:
        error: The first error, or None.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.error: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=self.errors)

    def write(self, text: str, /) -> int:
        """Write a string, unless an error has occurred."""
        self._attempt("write", text)
        return len(text)

    def write_bytes(self, content: bytes) -> None:
        """Write bytes past the encoding, unless an error has occurred."""
        binary = getattr(self._stream, "buffer", None)
        if binary is None:  # a stream of strings only
            self.write(content.decode(errors="replace"))
            return
        self.flush()
        self._attempt("write", content, stream=binary)

    def flush(self) -> None:
        """Flush the stream, unless an error has occurred."""
        self._attempt("flush")

    def _attempt(self, method: str, *arguments: str | bytes, stream: Any = None) -> None:
        if self._stream is None and self.error is None:
            self.error = OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self.error is not None:
            return
        try:
            getattr(stream or self._stream, method)(*arguments)
        except OSError as error:
            self.error = error
            # Python flushes the stream again at exit, which must not fail a second time.
            with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self.fileno())


class _ConsoleStream(_StandardStream):
    """Prints on a console what would be written past it: warnings, log records, tracebacks.

    Attributes:
        rich_proxied_file: The stream of the console; rich looks for it under this name.
    """

    def __init__(self, console: TerminalConsole, stream: OutputStream) -> None:
        super().__init__(stream)
        self._console = console
        self._line = ""
        self.rich_proxied_file: OutputStream = stream

    def write(self, text: str, /) -> int:
        """Print complete lines; the last one waits for its end."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._console.print(line)
        return len(text)

    def flush(self) -> None:
        """Print an incomplete line."""
        if self._line:
            self._console.print(self._line, end="")
            self._line = ""
        self._stream.flush()


@contextmanager
def standard_streams() -> Generator[OutputStream]:
    """Replace the standard streams, and yield standard output."""
    before = sys.stdin, sys.stdout, sys.stderr
    output, errors = OutputStream(sys.stdout), OutputStream(sys.stderr)
    streams: Any = _ConsoleStream(out, output), _ConsoleStream(err, errors)
    sys.stdin = sys.stdin or io.StringIO()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # refused later, with a message
    sys.stdout, sys.stderr = streams
    try:
        yield output
    finally:
        for stream in streams:
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = before
