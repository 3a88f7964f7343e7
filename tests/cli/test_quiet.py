"""--quiet, --debug, --request-type, and the errors of all commands."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from seeclickfix_async import AsyncClient, SqliteOutbox
from seeclickfix_async._cli.commands import read
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Token
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.tokens import FileStore
from tests.support.command_line import run_cli
from tests.support.text_service import READING, TextService

pytestmark = pytest.mark.usefixtures("working_folder")

_SILENT = (
    *READING,
    ("comment", "1", "Hello"),
    ("close", "1", "Done"),
    ("api", "GET", "/profile"),
    ("report", "--at", "41", "-73", "--address", "x", "--type", "1", "--answers", "a.json"),
    ("map", "one.jsonl"),
    ("login", "--token"),
    ("logout",),
)


@pytest.fixture(scope="module")
def service() -> TextService:
    return TextService("Hole")


@pytest.fixture(scope="module")
def url(service: TextService) -> Iterator[str]:
    with service.serve() as url:
        yield url


@pytest.mark.parametrize("arguments", _SILENT, ids=lambda arguments: arguments[0])
def test_a_quiet_success_prints_nothing(url: str, arguments: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"summary": "Hole"}', "utf-8")
    (tmp_path / "one.jsonl").write_text('{"id": 1}\n', "utf-8")

    done = run_cli(url, *arguments, "--quiet", stdin="a-token\n", cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_quiet_pull_prints_what_is_missing(url: str, tmp_path: Path) -> None:
    with Sandbox(30, settings=Settings(quota=None)).serve() as city:
        complete = run_cli(city, "pull", "city.db", "--quiet", "--no-limit", cwd=tmp_path)
        update = ("pull", "city.db", "--quiet", "--update", "--no-limit", "--json")
        updated = run_cli(city, *update, cwd=tmp_path)
    incomplete = run_cli(url, "pull", "x.jsonl", "--quiet", cwd=tmp_path)  # an unreadable row
    empty = run_cli(url, "issues", "--quiet", "--base-url", "http://127.0.0.1:9", token="")

    for done in (complete, updated):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (incomplete.returncode, incomplete.stdout) == (3, "")
    assert incomplete.stderr.startswith("scf: x.jsonl is NOT complete: ")
    assert incomplete.stderr.count("\n") == 1
    assert (empty.returncode, empty.stdout, empty.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("arguments", [("issues",), ("pull", "x.db"), ("watch",)])
def test_request_types_are_ids(url: str, service: TextService, arguments: Sequence[str]) -> None:
    types = ("--request-type", "7", "--request-type", "8")
    wrong = run_cli(url, *arguments, "--request-type", "0")
    word = run_cli(url, *arguments, "--request-type", "lamps")

    assert (wrong.returncode, word.returncode) == (2, 2)
    assert "--request-type: must be" in wrong.stderr
    assert "--request-type" in word.stderr
    if arguments[0] == "watch":  # which does not end
        return
    run_cli(url, *arguments, *types)
    assert "request_types=7,8" in service.url


def _fail(**_: object) -> None:
    raise RuntimeError(f"it failed with {TOKEN}\nfor a reason")


@pytest.mark.parametrize("options", [(), ("--debug",), ("--quiet", "--debug")])
def test_a_bug_is_one_sentence_and_has_a_traceback_for_debugging(
    url: str, options: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "make_client", lambda *_: _fail())

    done = run_cli(url, "whoami", *options)
    before = run_cli(url, *options, "whoami")

    assert (done.returncode, done.stdout) == (1, "")
    assert (before.returncode, before.stderr) == (1, done.stderr)
    assert "scf: This is a bug in scf (RuntimeError: it failed with *****" in done.stderr
    assert "output of the same command with --debug." in done.stderr
    assert ("Traceback" in done.stderr) == bool(options)
    assert (done.stderr.count("\n") == 1) != bool(options)
    assert TOKEN not in done.stderr


def test_an_error_of_the_service_has_a_traceback_for_debugging_only(url: str) -> None:
    plain = run_cli(url, "show", "99")
    debugged = run_cli(url, "show", "99", "--debug")

    assert plain.stderr.count("\n") == 1
    assert "Traceback" in debugged.stderr
    assert debugged.stderr.endswith(plain.stderr)
    assert TOKEN not in debugged.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly",), 'Unknown command "fly".'),
        (("issues", "--limt", "3"), "Unknown option: --limt. Did you mean --limit?"),
        (("issues", "--format", "xml"), 'Invalid value "xml" for --format.'),
        (("show",), "requires an argument."),
        (("show", "one"), 'ID: "one" is not an integer.'),
        (("places", "x", "0"), 'LAT: "x" is not a number.'),
        (
            ("pull", "x.db", "--after", "01/02/2026"),
            '--after: "01/02/2026" is not a time, such as 2026-01-31 or 2026-01-31T08:00.',
        ),
        (
            ("map", "city.db", "mine.html"),
            "Name the page with --to mine.html. Usage: scf map FILE [OPTIONS].",
        ),
        (("comment", "7", "Still", "there"), "Put quotation marks around a comment"),
        (("form", "1", "2", "3"), "Unexpected argument: 3. Usage: scf form LAT LNG [OPTIONS]."),
        (("issues", "--near", "1", "2"), "--near requires LAT LNG METRES, separated by spaces."),
        (
            ("issues", "--box", "1"),
            "--box requires MIN_LAT MIN_LNG MAX_LAT MAX_LNG, separated by spaces.",
        ),
        (("report", "--at", "1"), "--at requires LAT LNG, separated by spaces."),
        (("issues", "--after", "x"), "Unknown option: --after. It is an option of scf pull."),
        (("form", "--at", "1", "2"), "Unknown option: --at. It is an option of scf report. Usage"),
        (("issues", "--foo=1"), "Unknown option: --foo. Usage: scf issues [OPTIONS]."),
    ],
)
def test_a_wrong_command_line_has_the_style_of_all_errors(
    arguments: Sequence[str], message: str
) -> None:
    done = run_cli("http://127.0.0.1:9", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scf: ")
    assert message in done.stderr
    command = "scf" if arguments == ("fly",) else f"scf {arguments[0]}"
    assert ("Did you mean" in done.stderr) == ("Did you mean" in message)
    assert done.stderr.endswith(f" {command} --help lists the options.\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("from-a-login", "because the application of the login is unknown: revoke it on"),
        ("me-01/01/2026-01/01/2099-secret", "A personal access token stays valid: revoke it on"),
    ],
)
def test_a_token_that_cannot_be_revoked(secret: str, message: str, working_folder: Path) -> None:
    store = FileStore(working_folder / "config" / "seeclickfix-async" / "tokens")
    token = Token(Secret(secret), "Bearer", None, None, datetime(2026, 11, 1, tzinfo=UTC))
    anyio.run(store.put, "https://city.example", token)

    done = run_cli("https://city.example", "logout", token="")

    assert message in done.stdout
    assert ("personal" in done.stdout) == secret.startswith("me-")


class _Receiver:
    """A service that receives the messages of a feed."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.on_message: Callable[[], None] = lambda: None

    def serve(self) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append(json.loads(body))
                receiver.on_message()
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server


def test_a_message_that_is_not_delivered_is_reported_and_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed continues at the same change, as after a command that failed."""
    receiver, service = _Receiver(), TextService("Hole [bold] <b>")
    feed = ("watch", "--every", "0.05", "--cursor", "feed.json", "--no-limit")
    receiver.status = 500
    with receiver.serve() as server, service.serve() as url:
        anyio.run(_save_cursor, url, tmp_path / "feed.json")
        service.updated = "2099-01-01T00:00:00Z"
        address = f"json://me:my-password@127.0.0.1:{server.server_port}"
        done = run_cli(url, *feed, "--notify", address, "--debug", cwd=tmp_path)
        saved = (tmp_path / "feed.json").read_bytes()
        monkeypatch.setenv("SEECLICKFIX_NOTIFY", address)
        again = run_cli(url, *feed, "--quiet", cwd=tmp_path)
        server.shutdown()

    for run in (done, again):
        assert run.returncode == 1
        assert run.stderr.startswith("scf: the message for 1:")
        assert "was not delivered. Check --notify." in run.stderr
        assert run.stderr.count("\n") == 1
        assert "my-password" not in run.stdout + run.stderr
    assert again.stdout == ""
    assert (tmp_path / "feed.json").read_bytes() == saved
    assert len(receiver.messages) == 2
    assert "Hole [bold] <b>" in receiver.messages[0]["message"]
    assert receiver.messages[0]["title"].startswith("#1 ")


async def _save_cursor(url: str, file: Path) -> None:
    """Begin a feed, and save its position."""
    async with AsyncClient(base_url=url) as client:
        feed = client.issues.watch()
        await feed.begin()
        await anyio.Path(file).write_text(json.dumps(feed.cursor), "utf-8")


def test_a_message_is_sent_for_each_change(tmp_path: Path) -> None:
    receiver, service = _Receiver(), TextService("Hole")
    receiver.on_message = lambda: setattr(service, "refusal", 403)  # ends the feed
    with receiver.serve() as server, service.serve() as url:
        anyio.run(_save_cursor, url, tmp_path / "feed.json")
        begun = (tmp_path / "feed.json").read_bytes()
        service.updated = "2099-01-01T00:00:00Z"
        address = f"json://127.0.0.1:{server.server_port}"
        feed = ("watch", "--every", "0.05", "--cursor", "feed.json", "--format", "csv")
        done = run_cli(url, *feed, "--notify", address, cwd=tmp_path)
        server.shutdown()

    assert [message["title"] for message in receiver.messages] == ["#1 opened: Hole"]
    assert (tmp_path / "feed.json").read_bytes() != begun
    assert done.stdout.startswith("key,kind,at,automatic,comment,id,status,summary,")
    assert done.stdout.splitlines()[1].startswith("1:opened:")


def test_a_message_of_an_outbox_is_sent_again_until_it_is_delivered(tmp_path: Path) -> None:
    receiver, service = _Receiver(), TextService("Hole")
    receiver.status = 500
    feed = ("watch", "--every", "0.05", "--outbox", "feed.db", "--json", "--no-limit", "--notify")
    with receiver.serve() as server, service.serve() as url:
        anyio.run(_begin_outbox, url, tmp_path / "feed.db")
        service.updated = "2099-01-01T00:00:00Z"
        address = f"json://127.0.0.1:{server.server_port}"
        failed = run_cli(url, *feed, address, cwd=tmp_path)
        receiver.status = 200
        receiver.on_message = lambda: setattr(service, "refusal", 403)  # ends the feed
        done = run_cli(url, *feed, address, cwd=tmp_path)
        again = run_cli(url, *feed, address, cwd=tmp_path)
        server.shutdown()

    assert "was not delivered" in failed.stderr
    assert json.loads(failed.stdout)["attempts"] == 0
    assert json.loads(done.stdout)["attempts"] == 1
    assert again.stdout == ""
    assert [message["title"] for message in receiver.messages] == ["#1 opened: Hole"] * 2


async def _begin_outbox(url: str, file: Path) -> None:
    """Begin a feed, and save its position in an outbox."""
    async with AsyncClient(base_url=url) as client, SqliteOutbox(file) as outbox:
        feed = client.issues.watch()
        await feed.begin()
        await outbox.load(feed._identity)
        await outbox.save(feed.cursor or {})


def test_notifications_and_a_command_are_two_feeds(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEECLICKFIX_NOTIFY", "json://127.0.0.1:9")

    done = run_cli(url, "watch", "--exec", "true")

    assert done.returncode == 2
    assert "(or SEECLICKFIX_NOTIFY) cannot be used together with --exec" in done.stderr


def test_without_apprise_the_extra_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    done = run_cli(url, "watch", "--notify", "json://127.0.0.1:9")

    assert done.returncode == 2
    assert "--notify: requires the 'notify' extra: pip install" in done.stderr


def test_a_wrong_notification_url_is_not_shown(url: str) -> None:
    done = run_cli(url, "watch", "--notify", "nonsense://me:my-password@x")

    assert done.returncode == 2
    assert done.stderr.startswith("scf: --notify: is not a URL that apprise knows")
    assert "my-password" not in done.stderr
