"""The consoles of `scf`: no string of the service, a file or an error controls the terminal.

Each character that a terminal obeys instead of showing it becomes U+FFFD, and each printed string
stays on one line. Only `multiline` permits line breaks. rich adds its own styles afterwards.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

REPLACEMENT: Final = "\ufffd"

# C0, DEL and C1 controls (ECMA-48), controls of direction (Unicode UAX #9), separators of lines,
# deprecated format characters, annotations, and surrogates, which stand for undecodable bytes in
# file names. Joiners stay: emoji and some scripts need them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_NOT_ASCII = re.compile("[\x7f-\U0010ffff]")


def make_harmless(text: str, *, line_break: str = " ") -> str:
    """Return a string that a terminal only shows, with its line breaks replaced."""
    return _replace_controls(line_break.join(text.splitlines()))


def multiline(text: str) -> Text:
    """Return content with several lines, such as a description, for a console to print."""
    return Text(make_harmless(text, line_break="\n"))


def _replace_controls(text: str) -> str:
    return _CONTROLS.sub(REPLACEMENT, text)


class TerminalConsole(Console):
    """A console that makes everything harmless that it prints.

    rich calls `render_str` for each string, before it lays it out, and `render` for everything,
    progress bars and exceptions included.

    Args:
        line_break: Replaces the line breaks of strings.
        **options: As for the console of rich.
    """

    def __init__(self, *, line_break: str = " ", **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        self._line_break = line_break

    @property
    def error(self) -> OSError | None:
        """The first error of writing to the stream."""
        error: OSError | None = getattr(self.file, "error", None)
        return error

    def print(self, *objects: Any, **options: Any) -> None:
        """Print objects; strings are not wrapped, so that a line is one line in a pipe as well."""
        options.setdefault("soft_wrap", all(isinstance(value, str) for value in objects) or None)
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the string for printing, by default on one line."""
        return super().render_str(make_harmless(text, line_break=self._line_break), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable, without controls and links."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control:  # of rich itself, such as a movement of the cursor
                yield segment
            else:
                yield Segment(_replace_controls(text), style and style.update_link(None))


out: TerminalConsole = TerminalConsole()
err: TerminalConsole = TerminalConsole(stderr=True)
"""For problems, and for prompts."""
notes: TerminalConsole = TerminalConsole(stderr=True)
"""For progress, and for everything else that --quiet leaves out."""


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning, such as that of a token that expires soon, without the line of code."""
    err.print(f"scf: {message}")


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        show_warning(record.getMessage())


@contextmanager
def printed_warnings() -> Generator[None]:
    """Print the warnings of pulls and feeds in this context, as other messages are."""
    loggers = [logging.getLogger(f"seeclickfix_async.{name}") for name in ("pull", "watch")]
    handler = _WarningHandler(logging.WARNING)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def set_quiet(quiet: bool) -> None:  # noqa: FBT001  # the only argument
    """Print results and notes, or leave them out."""
    out.quiet = notes.quiet = quiet


def encode_json(value: object, encoding: str = "utf-8", *, indent: int = 0) -> str:
    """Return a value as JSON, on one line unless it is indented.

    Characters that are not printable are escaped; in another encoding than UTF-8, which JSON has to
    be in (RFC 8259, section 8.1), all that are not ASCII.
    """
    is_utf8 = codecs.lookup(encoding).name == "utf-8"

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        return character if is_utf8 and character.isprintable() else json.dumps(character)[1:-1]

    import msgspec  # noqa: PLC0415  # not for the help

    content = msgspec.json.encode(value)
    if indent:
        content = msgspec.json.format(content, indent=indent)
    return _NOT_ASCII.sub(escape, content.decode()) + "\n"


def print_json(value: object) -> None:
    """Print a value as JSON on one line."""
    print_raw(encode_json(value, out.encoding))


def print_raw(content: str | bytes) -> None:
    """Print a harmless string, or bytes for another program, without changes."""
    if out.quiet:
        return
    stream: Any = out.file
    stream.write(content) if isinstance(content, str) else stream.write_bytes(content)
    stream.flush()
