"""A service in a thread, whose every text is the same string."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOSTILE = (
    "Hole \x1b]52;c;ZWNobw==\x1b\\ \x1b[2J\x1b]0;title\x07 \x9b31mred\x9b0m \x9d52;c;eA==\x9c "
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\ \x7f\x00\x08\x0e \u202etxt\u2066\u200e "
    "\u061c [/12345] [bold]b[/bold] :warning: [link=https://evil.example]x[/link] \r over\r\n"
    "#666 forged\n#667 forged\x85#668 forged\u2028#669 forged\x0b#670 forged"
)
"""A text with everything that terminals and rich interpret."""

READING = (
    ("issues",),
    ("show", "1"),
    ("whoami",),
    ("form", "41", "-73"),
    ("questions", "1"),
    ("places", "41", "-73"),
)
"""The commands of `scf` that print texts of the service."""

_TIME = "2026-01-01T00:00:00Z"
_METADATA = {
    "metadata": {"pagination": {"entries": 1, "page": 1, "per_page": 20, "pages": 1}},
}


class TextService:
    """A service whose every text is `text`.

    Attributes:
        requests: The method, path and Authorization header of each request.
        url: The path and query of the last request.
        headers: The headers of the last request, names in lower case.
        refusal: The status of all further responses, if it is not 0.
        updated: The time of the last update of the only issue.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.requests: list[tuple[str, str, str]] = []
        self.url = ""
        self.headers: dict[str, str] = {}
        self.refusal = 0
        self.updated = _TIME

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Run the service, and yield its URL."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0].removeprefix("/api/v2")
                token = self.headers.get("Authorization", "")
                service.requests.append((self.command, path, token))
                service.url = self.path
                service.headers = {name.lower(): value for name, value in self.headers.items()}
                status, content = service.respond(self.command, path, self.path)
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name that the library calls

            def log_message(self, format: str, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    def respond(self, method: str, path: str, url: str) -> tuple[int, Any]:
        """Return the status and the content of a response."""
        text, issue = self.text, self._issue()
        if self.refusal:
            return self.refusal, {"errors": {text: [text]}, "error": text}
        if method == "POST":
            return 201, issue if path == "/issues" else self._comment()
        place = {"id": 1, "name": text, "url_name": text, "state": text, "place_type": text}
        option = {"title": text, "organization": text, "url": "http://x/request_types/1"}
        unreadable = {"id": text, "created_at": text}
        contents = {
            "/issues": {"issues": [issue, unreadable][: 1 + ("details" not in url)], **_METADATA},
            "/issues/1": issue,
            "/issues/new": {"request_types": [option]},
            "/places": {"places": [place], **_METADATA},
            "/profile": {"id": 5, "name": text},
            "/request_types/1": {"id": 1, "title": text, "questions": self._questions()},
        }
        return (200, contents[path]) if path in contents else (404, {"error": text})

    def _issue(self) -> dict[str, Any]:
        texts = dict.fromkeys(("status", "summary", "description", "address"), self.text)
        return {
            "id": 1,
            **texts,
            "html_url": self.text,
            "created_at": self.updated,
            "updated_at": self.updated,
            "comments": [self._comment()],
            "request_type": {"id": 1, "title": self.text},
        }

    def _comment(self) -> dict[str, Any]:
        commenter = {"id": 1, "name": self.text}
        return {"comment": self.text, "created_at": _TIME, "commenter": commenter}

    def _questions(self) -> list[dict[str, Any]]:
        choices = [{"key": self.text, "name": self.text}]
        kinds = ("note", "text", "select", "multivaluelist", "boolean")
        return [
            {
                "primary_key": "summary" if kind == "text" else f"{number}{self.text}",
                "question": self.text,
                "question_type": kind,
                "response_required": False,
                "select_values": choices,
            }
            for number, kind in enumerate(kinds)
        ]
