"""The commands of `scf` that read, pull and watch."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import TOKEN, Quota, Sandbox, Settings
from tests.support.command_line import run_cli, wait_until
from tests.support.text_service import TextService

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")


_NO_LOGIN = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "XDG_CONFIG_HOME": "/gone"}


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, **_NO_LOGIN, "SEECLICKFIX_BASE_URL": url, "SEECLICKFIX_TOKEN": ""}


def _run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*_SCF, *arguments),
        env=_environment("http://127.0.0.1:9"),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _connect(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path))


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


def test_an_interrupt_stops_the_demo_while_it_draws_its_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_map(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("seeclickfix_async.pull.write_map", write_map)

    done = run_cli("http://127.0.0.1:9", "demo", "--issues", "10", cwd=tmp_path)

    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith("scf: stopped.")


def test_the_demo_pulls_a_city_and_draws_its_map(tmp_path: Path) -> None:
    for end in (".pending", "-journal"):  # of a demo that was killed
        (tmp_path / f"scf-demo.db{end}").write_text("not a database", "utf-8")

    done = _run("demo", "--issues", "700", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "a minute is scaled to one second" in " ".join(done.stderr.split())
    assert "700 of 700 issues, complete" in done.stdout
    assert re.search("^It took [0-9.]+ seconds?$", done.stdout, re.MULTILINE)
    database_path, notice, page = done.stdout.splitlines()[-3:]
    assert database_path == str(tmp_path / "scf-demo.db")
    assert notice == "Open its map in a browser:"
    assert page == f"{database_path}.html"
    assert "Pothole" in Path(page).read_text("utf-8")
    assert not (tmp_path / "scf-demo.db.pending").exists()
    with _connect(tmp_path / "scf-demo.db") as database:
        assert database.execute("SELECT count(*) FROM issues").fetchone() == (700,)


def test_a_pull_to_json_lines_and_to_sqlite_has_every_issue(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {sandbox.city.id_of(row) for row in range(300)}
    with sandbox.serve() as url:
        lines = run_cli(url, "pull", "city.jsonl", "--json", cwd=tmp_path)
        run_cli(url, "pull", "city.db", cwd=tmp_path)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-quota"))
        again = run_cli(url, "pull", "city.db", "--details", cwd=tmp_path)

    rows = [json.loads(line) for line in (tmp_path / "city.jsonl").read_text("utf-8").splitlines()]
    assert {row["id"] for row in rows} == expected
    assert json.loads(lines.stdout)["complete"] is True
    assert again.returncode == 0, again.stderr
    with _connect(tmp_path / "city.db") as database:
        rows_in_database = database.execute("SELECT id, created_at, details FROM issues").fetchall()
    assert {row[0] for row in rows_in_database} == expected
    assert all(row[1].endswith("Z") for row in rows_in_database)
    assert "comments" in json.loads(rows_in_database[0][2])


def test_a_pull_of_an_area_and_a_period(sandbox: Sandbox, tmp_path: Path) -> None:
    options = ("--near", "41.05", "-73.54", "3000", "--after", "2025-01-01", "--status", "closed")
    with sandbox.serve() as url:
        done = run_cli(url, "pull", "some.jsonl", *options, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    query = sandbox.requests[-1].query
    assert query["after"] >= "2025-01-01T00:00:00Z"
    assert query["status"] == "closed"
    assert float(query["min_lat"]) < 41.05 < float(query["max_lat"])


def test_an_estimate_is_printed(sandbox: Sandbox, tmp_path: Path) -> None:
    newest = datetime.fromtimestamp(sandbox.city.created[-1], UTC).isoformat()
    with sandbox.serve() as url:
        everywhere = run_cli(url, "pull", "city.db", "--estimate", cwd=tmp_path)
        newest_only = ("--place", "example-city", "--after", newest, "--estimate")
        one = run_cli(url, "pull", "city.db", *newest_only, cwd=tmp_path)

    assert everywhere.stderr.startswith("Without --place, --near or --box")
    assert everywhere.stdout == "300 issues to fetch: at least 3 requests, 9 seconds.\n"
    assert one.stdout == "1 issue to fetch: at least 1 request, 3 seconds.\n"
    assert one.stderr == ""


def test_the_report_of_a_sweep(tmp_path: Path) -> None:
    sandbox = Sandbox(120, settings=Settings(quota=None))
    with sandbox.serve() as url:
        run_cli(url, "pull", "city.db", "--place", "example-city", cwd=tmp_path)
        sandbox.city.hide(7)
        sweep = ("pull", "city.db", "--place", "example-city", "--sweep")
        swept = run_cli(url, *sweep, cwd=tmp_path)

    assert swept.returncode == 0, swept.stderr
    assert "1 updated issue to fetch: at least 1 request" in swept.stderr  # the newest known one
    assert "119 ids to fetch: at least 2 requests" in swept.stderr
    assert "1 of 1 updated issue, complete\n" in swept.stdout
    assert "1 issue vanished\n" in swept.stdout


def test_a_csv_for_excel(tmp_path: Path) -> None:
    with Sandbox(15, settings=Settings(quota=None)).serve() as url:
        done = run_cli(url, "pull", "city.csv", "--excel", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "city.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")


def test_the_report_of_photos(tmp_path: Path) -> None:
    sandbox = Sandbox(15, settings=Settings(quota=None))
    with sandbox.serve() as url:
        done = run_cli(url, "pull", "city.db", "--photos", "photos", cwd=tmp_path)
        again = run_cli(url, "pull", "city.db", cwd=tmp_path)

    photos = len(list((tmp_path / "photos").iterdir()))
    assert done.returncode == 0, done.stderr
    assert (
        f"{photos} photos to fetch: at least {photos} requests, {3 * photos} seconds" in done.stderr
    )
    assert f"\n{photos} photos\n" in done.stdout
    assert again.returncode == 2
    assert "FILE: this pull is complete" in again.stderr
    assert "Fetch what changed since with --update" in again.stderr


def _was_limited(sandbox: Sandbox) -> bool:
    return any(request.status == 429 for request in tuple(sandbox.requests))


def test_ctrl_c_leaves_a_usable_file(tmp_path: Path) -> None:
    for name in ("part.jsonl", "part.db"):
        # After the fourth request scf waits; a longer Retry-After would end the pull at once.
        sandbox = Sandbox(2000, settings=Settings(quota=Quota(3, per=120)))
        with sandbox.serve() as url:
            process = subprocess.Popen(
                (*_SCF, "pull", name), env=_environment(url), cwd=tmp_path, stderr=subprocess.PIPE
            )
            try:
                # The fourth request is refused: no more than three pages can be received.
                wait_until(process, partial(_was_limited, sandbox))
                process.send_signal(signal.SIGINT)
                _, message = process.communicate(timeout=30)
            finally:
                process.kill()
        assert process.returncode == 130
        assert b"Everything received so far is saved" in message

    lines = (tmp_path / "part.jsonl").read_text("utf-8")
    assert lines.endswith("\n")
    assert len({json.loads(line)["id"] for line in lines.splitlines()}) >= 200
    with _connect(tmp_path / "part.db") as database:
        assert database.execute("SELECT count(*) FROM issues").fetchone()[0] >= 200


def test_issues_are_listed_and_one_is_shown(sandbox: Sandbox) -> None:
    number = str(sandbox.city.id_of(299))
    with sandbox.serve() as url:
        listed = run_cli(url, "issues", "--limit", "5", "--status", "all")
        lines = run_cli(url, "issues", "--limit", "120", "--status", "all", "--json")
        shown = run_cli(url, "show", number)
        as_json = run_cli(url, "show", number, "--json")

    assert number in listed.stdout
    assert len(lines.stdout.splitlines()) == 120
    assert f"#{number}" in shown.stdout
    assert json.loads(as_json.stdout)["id"] == int(number)


def test_whoami_prints_the_signed_in_user(sandbox: Sandbox) -> None:
    with sandbox.serve() as url:
        known = run_cli(url, "whoami", token=TOKEN)
        anonymous = run_cli(url, "whoami", token="", environment=_NO_LOGIN)
        wrong = run_cli(url, "whoami", token="wrong-token-here")

    assert known.stdout == "Resident 41 (#41)\n"
    assert (anonymous.returncode, wrong.returncode) == (1, 1)
    assert "You are not signed in. Use scf login, or set SEECLICKFIX_TOKEN." in anonymous.stderr
    assert "token is invalid" in wrong.stderr
    assert "wrong-token-here" not in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("pull", "city.txt"), 2, "FILE: must end in .jsonl"),
        (("pull", "no/such/folder/city.db"), 2, "Create the folder"),
        (("pull", "there.jsonl"), 2, "exists already"),
        (("pull", "there.db"), 2, "file is not a database"),
        (("pull", "c.db", "--place", "x", "--near", "1", "2", "3"), 2, "use only one of"),
        (("pull", "c.db", "--status", "opened"), 2, "status"),
        (("issues", "--search", "lamp"), 2, "requires an area"),
        (("issues", "--base-url", "nowhere"), 2, "--base-url: must be a URL"),
        (("issues", "--limit", "0"), 2, "--limit: must be an integer from 1 to 1,000."),
        (("issues", "--near", "95", "0", "10"), 2, "LAT: must be a number"),
        (("show", "0"), 2, "ID: must be an integer from 1 to"),
        (("show",), 2, "ID"),
        (("fly",), 2, "fly"),
        (("watch", "--cursor", "there.jsonl"), 2, "--cursor: there.jsonl is not a cursor file"),
        (
            ("watch", "--cursor", "other.json"),
            2,
            "--cursor: other.json is not a cursor file, and cannot become one. Choose another file",
        ),
        (("watch", "--cursor", "no/such/folder"), 2, "no/such does not exist. Create the folder"),
        (("watch", "--cursor", "a.fifo"), 2, "a.fifo is not a regular file"),
        (("pull", f"{'x' * 300}.db"), 2, "FILE: cannot be used: File name too long"),
        (("map", f"{'x' * 300}.db"), 2, "File name too long"),
        (("map", "a.fifo"), 2, "FILE: must end in"),
        (("map", "one.jsonl", "--to", "no/map.html"), 2, "Create the folder first."),
        (("demo", "--issues", "10"), 2, "scf-demo.db exists already and was not written by"),
        (("map", "one.jsonl", "--to", "."), 2, "Is a directory. Choose the name of a file"),
        (("map", "one.jsonl", "--timezone", "Mars/X"), 2, "Use a name such as"),
        (("watch", "--cursor", "."), 2, "cannot become one"),
        (("demo", "--issues", "0"), 2, "--issues: must be an integer from 1 to"),
        (("watch", "--outbox", "x.db"), 2, "--outbox: is for --exec"),
        (("watch", "--outbox", "there.db", "--exec", "true"), 2, "is not the file of an outbox"),
        (("watch", "--outbox", "x.db", "--exec", "true", "--cursor", "x.json"), 2, "Omit --cursor"),
        (("watch", "--every", "0"), 2, "--every: must be a number of seconds from 0.001 to"),
        (
            ("watch", "--exec", "no-such-program; echo"),
            2,
            "--exec: no-such-program; does not exist. It is run without",
        ),
        (("watch", "--exec", "./there.jsonl"), 2, "--exec: ./there.jsonl is not executable: use"),
        (("watch", "--exec", ""), 2, "--exec: must start with the name"),
        (("watch", "--exec", "'"), 2, "--exec: must start with the name"),
        (("show", "7", "--base-url", "http://127.0.0.1:9"), 1, "Check --base-url, the network"),
    ],
)
def test_errors_are_printed_as_one_sentence(
    arguments: Sequence[str], code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "there.jsonl").write_text("mine\n", "utf-8")
    (tmp_path / "one.jsonl").write_text('{"id": 1}\n', "utf-8")
    (tmp_path / "other.json").write_text('{"place": "example-city"}', "utf-8")
    os.mkfifo(tmp_path / "a.fifo")
    (tmp_path / "scf-demo.db").mkdir()
    (tmp_path / "there.db").write_text("mine, and not a database\n" * 50, "utf-8")

    done = run_cli("http://127.0.0.1:9", *arguments, cwd=tmp_path)

    assert done.returncode == code, done.stderr
    assert message in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr
    assert "ZoneInfo" not in done.stderr
    assert (tmp_path / "there.jsonl").read_text("utf-8") == "mine\n"


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_runs_until_a_signal(stopped_by: signal.Signals) -> None:
    process = subprocess.Popen(
        (*_SCF, "sandbox", "--port", "0", "--issues", "10"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        lines = [process.stdout.readline() for _ in range(5)]
        taken = _run("sandbox", "--port", url.rpartition(":")[2])
        shown = run_cli(url, "issues", "--status", "all", "--json")
        process.send_signal(stopped_by)
        assert process.wait(20) == 0
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(url)  # no process is left
    finally:
        process.kill()
        process.communicate()

    assert len(shown.stdout.splitlines()) == 10
    assert f'AsyncClient("{TOKEN}", base_url="{url}")' in lines[3]
    assert f"scf issues --base-url {url}" in lines[4]
    assert taken.returncode == 1
    assert "cannot listen" in taken.stderr


def test_the_sandbox_prints_its_own_help() -> None:
    usage, wrong = _run("sandbox", "--help"), _run("sandbox", "--issues", "-5")
    instant = _run("sandbox", "--per", "0")

    assert "--drift" in usage.stdout
    assert (usage.returncode, wrong.returncode) == (0, 2)
    assert "--issues: must be an integer of 0 or more." in wrong.stderr
    assert "--per: must be a number of seconds above 0." in instant.stderr


def test_a_feed_is_printed_and_passed_to_a_command(tmp_path: Path) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None))
    cursor = tmp_path / "feed.json"
    script = "import json, sys; print('changed:', json.load(sys.stdin)['issue']['id'])"
    command = shlex.join([sys.executable, "-c", script])
    options = ("watch", "--every", "0.05", "--cursor", "feed.json", "--json", "--exec", command)
    with sandbox.serve() as url:
        process = subprocess.Popen(
            (*_SCF, *options),
            env=_environment(url),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            wait_until(process, cursor.exists)  # the feed has begun
            begun = cursor.read_text("utf-8")
            number = sandbox.city.id_of(sandbox.city.report())
            change = json.loads(process.stdout.readline())
            printed = process.stdout.readline()
            wait_until(process, lambda: cursor.read_text("utf-8") != begun)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
            process.communicate()

    assert (change["kind"], change["issue"]["id"]) == ("opened", number)
    assert change["key"].startswith(f"{number}:opened:")
    assert printed == f"changed: {number}\n"


def test_a_feed_with_an_outbox_repeats_a_change_that_was_not_processed(tmp_path: Path) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None))
    script = (
        "import json, pathlib, sys; change = json.load(sys.stdin);"
        "print(change['attempts'], flush=True); sys.exit(not pathlib.Path('ready').exists())"
    )
    command = shlex.join([sys.executable, "-c", script])
    options = ("watch", "--every", "0.05", "--outbox", "feed.db", "--exec", command)
    with sandbox.serve() as url:
        for attempts, code in ((0, 1), (1, 130)):
            with subprocess.Popen(
                (*_SCF, *options),
                env=_environment(url),
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                if attempts == 0:
                    wait_until(process, lambda: _has_begun(tmp_path / "feed.db"))
                    sandbox.city.report()
                assert process.stdout is not None
                process.stdout.readline()  # the change
                assert process.stdout.readline() == f"{attempts}\n"
                if code == 130:
                    process.send_signal(signal.SIGINT)
                assert process.wait(60) == code
            (tmp_path / "ready").touch()


def test_sigterm_lets_a_delivery_end_and_records_it(tmp_path: Path) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None))
    script = (
        "import pathlib, time; print('begun', flush=True)\n"
        "while not pathlib.Path('end').exists(): time.sleep(0.01)"
    )
    command = shlex.join([sys.executable, "-c", script])
    options = ("watch", "--every", "0.05", "--outbox", "feed.db", "--quiet", "--exec", command)
    with (
        sandbox.serve() as url,
        subprocess.Popen(
            (*_SCF, *options),
            env=_environment(url),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        wait_until(process, lambda: _has_begun(tmp_path / "feed.db"))
        sandbox.city.report()
        assert process.stdout is not None
        while process.stdout.readline() != "begun\n":
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        (tmp_path / "end").touch()
        assert process.wait(60) == 0
    with closing(sqlite3.connect(tmp_path / "feed.db")) as outbox:
        assert outbox.execute("SELECT attempts, delivered FROM changes").fetchall() == [(1, 1)]


def _has_begun(outbox: Path) -> bool:
    """Check whether a feed has written its position; it locks its file against reading it."""
    return outbox.exists() and b'"since"' in outbox.read_bytes()


@pytest.mark.parametrize(("program", "code"), [("pass", 130), ("raise SystemExit(3)", 1)])
def test_the_command_of_a_feed_need_not_read_its_input(
    program: str, code: int, tmp_path: Path
) -> None:
    service = TextService("x" * 200_000)  # more than a pipe can hold
    cursor = tmp_path / "feed.json"
    command = shlex.join([sys.executable, "-c", program])
    options = ("watch", "--every", "0.05", "--cursor", "feed.json", "--exec", command)
    with (
        service.serve() as url,
        subprocess.Popen(
            (*_SCF, *options),
            env=_environment(url),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        wait_until(process, cursor.exists)  # the feed has begun
        begun = cursor.read_bytes()
        service.updated = "2099-01-01T00:00:00Z"
        if code == 130:
            wait_until(process, lambda: cursor.read_bytes() != begun)
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert (cursor.read_bytes() == begun) == (code == 1)
    assert ("failed with exit code 3" in errors) == (code == 1)


@pytest.mark.parametrize("name", ["x.jsonl", "x.db", "x.parquet"])
def test_a_place_without_issues_exits_with_3(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """The service returns no issues for an unknown name, too."""
    pull = ("pull", name, "--place", "nowhere")
    with sandbox.serve() as url:
        listed = run_cli(url, "issues", "--place", "nowhere")
        pulled = [run_cli(url, *pull, *more, cwd=tmp_path) for more in ((), ("--json",))]

    for done in (listed, *pulled):
        assert done.returncode == 3
        assert "url_name" in done.stderr
    assert json.loads(pulled[1].stdout)["received"] == 0
    assert list(tmp_path.iterdir()) == []


def test_filters_that_no_issue_of_a_place_passes_are_no_failure(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    filtered = ("--place", "example-city", "--request-type", "99999")
    with sandbox.serve() as url:
        listed = run_cli(url, "issues", *filtered)
        pulled = run_cli(url, "pull", "x.csv", *filtered, cwd=tmp_path)

    for done in (listed, pulled):
        assert done.returncode == 0
        assert "No issue at 'example-city' passes the filters" in done.stderr
    assert "0 of 0 issues, complete" in pulled.stdout
    assert (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("kind", ["text", "database", "page"])
def test_the_demo_replaces_no_file_of_another_program(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("scf-demo.db.html" if kind == "page" else "scf-demo.db")
    if kind != "database":
        path.write_text("mine", "utf-8")
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE notes (x)")
    before = path.read_bytes()

    done = run_cli("http://127.0.0.1:9", "demo", cwd=tmp_path)

    assert done.returncode == 2
    assert f"{path.name} exists already and was not written by scf. Move it" in done.stderr
    assert path.read_bytes() == before
    assert {*tmp_path.glob("scf-demo.db*")} == {path}


def test_an_area_without_issues_is_a_note(sandbox: Sandbox) -> None:
    swapped = ("issues", "--near", "-73.54", "41.05", "500")
    with sandbox.serve() as url:
        noted, quiet = run_cli(url, *swapped), run_cli(url, *swapped, "--quiet")

    assert noted.returncode == quiet.returncode == 0
    assert "Is its latitude first" in noted.stderr
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_a_closed_pipe_causes_no_traceback(sandbox: Sandbox) -> None:
    with sandbox.serve() as url:
        process = subprocess.Popen(  # far more than the 64 kB that a pipe holds
            (*_SCF, "issues", "--status", "all", "--limit", "300", "--json"),
            env=_environment(url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        message = process.stderr.read()
        process.stderr.close()
        process.wait(60)

    assert (process.returncode, message) == (141, b"")
