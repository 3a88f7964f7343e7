"""`scf api`: raw requests with the rules of all others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from tests.support.command_line import run_cli
from tests.support.text_service import HOSTILE, TextService

pytestmark = pytest.mark.usefixtures("working_folder")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(30, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


@pytest.mark.parametrize(
    "arguments",
    [
        ("/issues?per_page=2&status=open", "-f", "note=a=b&c"),
        ("/api/v2/issues", "--field", "per_page=2", "-f", "status=open", "-f", "note=a=b&c"),
    ],
)
def test_a_query_is_in_the_path_or_in_fields(
    sandbox: Sandbox, url: str, arguments: tuple[str, ...]
) -> None:
    done = run_cli(url, "api", "get", *arguments)

    assert done.returncode == 0, done.stderr
    assert sandbox.requests[-1].query == {"per_page": "2", "status": "open", "note": "a=b&c"}
    assert sandbox.requests[-1].authorized
    assert "issues" in json.loads(done.stdout)


def test_a_pipe_receives_the_bytes_and_a_terminal_indented_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TextService(HOSTILE).serve() as url:
        raw = run_cli(url, "api", "GET", "/profile")
        monkeypatch.setattr("seeclickfix_async._cli.streams._StandardStream.isatty", lambda _: True)
        pretty = run_cli(url, "api", "GET", "/profile")

    assert raw.stdout == json.dumps({"id": 5, "name": HOSTILE})
    assert pretty.stdout.startswith('{\n  "id": 5,\n  "name": ')
    assert json.loads(pretty.stdout)["name"] == HOSTILE
    assert not set("\x1b\x9b\u202e") & set(pretty.stdout)


@pytest.mark.parametrize("source", ["argument", "file", "stdin"])
def test_a_body_is_sent_as_json(url: str, sandbox: Sandbox, source: str, tmp_path: Path) -> None:
    body = '{"comment": "Still there."}'
    (tmp_path / "c.json").write_text(body, "utf-8")
    data = {"argument": body, "file": "@c.json", "stdin": "@-"}[source]
    path = f"/issues/{sandbox.city.id_of(3)}/comments"

    done = run_cli(url, "api", "POST", path, "--data", data, stdin=body, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["comment"] == "Still there."


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("GET", "/nope"), 1, "There is no such path."),
        (("POST", "/issues/1/vote"), 2, "--data: POST requires a body: use --data '{}'"),
        (("GET", "/issues", "--data", "{}"), 2, "--data: GET sends no body. Use -f name=value"),
        (("POST", "/issues", "--data", "{"), 2, "--data: must be JSON, or @FILE with JSON."),
        (("POST", "/issues", "--data", "null"), 2, "--data: must be an object or an array"),
        (("POST", "/issues", "--data", "@gone"), 2, "--data: cannot be read: No such file"),
        (("GET", "/issues", "-f", "status"), 2, "--field: must have the form name=value."),
        (
            ("GET", "/issues", "-f", "search=\udce9"),
            2,
            "--field: contains half of a surrogate pair",
        ),
        (("G ET", "/issues"), 2, "METHOD: must be an HTTP method"),
        (("GET", "/issues/../x"), 2, "PATH: must not have a segment"),
    ],
)
def test_what_fails_is_one_sentence(
    url: str, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run_cli(url, "api", *arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_origin_gets_no_token(url: str) -> None:
    other = TextService("Hole")
    with other.serve() as other_url:
        run_cli(url, "api", "GET", f"{other_url}/profile")

    assert [token for _, _, token in other.requests] == [""]


@pytest.mark.parametrize(
    "arguments",
    [
        ("issues", "--base-url", "https://seeclickfix.com"),
        ("pull", "x.db", "--base-url", "http://127.0.0.1.city.example"),
        ("watch", "--base-url", "http://192.168.0.7"),
        ("doctor", "--base-url", "https://seeclickfix.com"),
        ("login", "--token", "--base-url", "https://seeclickfix.com"),
        ("api", "GET", "https://seeclickfix.com/api/v2/issues"),
    ],
)
def test_the_limit_can_be_left_out_on_this_machine_only(
    url: str, sandbox: Sandbox, arguments: tuple[str, ...]
) -> None:
    before = len(sandbox.requests)

    done = run_cli(url, *arguments, "--no-limit", token="")

    assert done.returncode == (1 if arguments[0] == "doctor" else 2)
    words = " ".join((done.stdout + done.stderr).split())
    assert "--no-limit: is for servers on this machine, such as scf sandbox" in words
    assert len(sandbox.requests) == before


def test_without_a_limit_no_slot_is_taken(url: str) -> None:
    for _ in range(25):  # more than the quota of a minute
        assert run_cli(url, "issues", "--limit", "1", "--no-limit", "--quiet").returncode == 0
    checks = json.loads(run_cli(url, "doctor", "--json").stdout)["checks"]

    assert {check["name"]: check["value"] for check in checks}["quota"] == 19
    assert TOKEN not in json.dumps(checks)
