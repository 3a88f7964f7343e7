"""The commands of `scf` that report, comment and close."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import TOKEN, Fault, Sandbox, Settings
from tests.support.command_line import run_cli

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_AT = ("--at", "41.05", "-73.54")
_ANSWERS = ("--answers", "a.json")
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


def _open_issue(sandbox: Sandbox) -> str:
    city = sandbox.city
    return str(next(city.id_of(row) for row in range(len(city)) if city.status[row] == 0))


def test_request_types_and_their_questions_are_printed(url: str) -> None:
    categories = run_cli(url, "form", "41.05", "-73.54")
    table = run_cli(url, "questions", "1001")
    lines = run_cli(url, "questions", "other", "--json")

    assert "Pothole" in categories.stdout
    assert "multivaluelist" in table.stdout
    assert "fist, wheel" in table.stdout
    assert [json.loads(line)["primary_key"] for line in lines.stdout.splitlines()] == [
        "summary",
        "description",
        "issue_image",
    ]


def test_a_report_without_prompts(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(
        json.dumps({"summary": "Deep hole", "402": "wheel", "403": ["cars"], "406": True}), "utf-8"
    )
    (tmp_path / "photo.png").write_bytes(_PNG)
    options = ("--type", "1001", "--address", "1 Main St", "--answers", "answers.json")

    done = run_cli(url, "report", *_AT, *options, "--image", "photo.png", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    issue = json.loads(done.stdout)
    assert issue["summary"] == "Deep hole"
    assert _PNG in sandbox.photos.values()
    assert json.loads(run_cli(url, "show", str(issue["id"]), "--json").stdout)["id"] == issue["id"]


_DIALOGUE = ("41.05, -73.54", "1 Main St", "99", "2", "Deep hole", "", "2", "1, bikes")


def test_a_report_with_prompts(sandbox: Sandbox, url: str) -> None:
    lines = "\n".join((*_DIALOGUE, "3", "2026-01-31 14:30", "n", "", "", "y", ""))

    done = subprocess.run(
        (*_SCF, "report"),
        env={**os.environ, "SEECLICKFIX_BASE_URL": url, "SEECLICKFIX_TOKEN": TOKEN},
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Type a number from 1 to 15" in done.stderr
    assert "The city mends potholes within a week" in done.stderr
    assert "Who is in danger: ['cars', 'bikes']" in done.stderr
    assert "Reported as #" in done.stdout
    number = done.stdout.split("#")[1].split(".")[0]
    shown = json.loads(run_cli(url, "show", number, "--json").stdout)
    answers = [one["answer"] for one in shown["questions"]]
    assert answers[1:4] == ["wheel", "cars, bikes", "3"]
    assert answers[5] == "False"


def test_the_prompts_of_invalid_answers_are_repeated(url: str) -> None:
    known = ("report", *_AT, "--type", "1001", "--address", "here")
    first = ("Hole", "", "7", "", "deep", "", "", "", "")
    again = ("wheel", "5.5", "y")

    done = run_cli(url, *known, stdin="\n".join((*first, *again, "")))

    assert done.returncode == 0, done.stderr
    assert "- \"How large is it?\" must be one of 'fist', 'wheel'." in done.stderr
    assert '- "How deep is it in inches?" must be a number.' in done.stderr
    assert "Reported as #" in done.stdout


def test_an_unconfirmed_report_is_not_sent(sandbox: Sandbox, url: str) -> None:
    before = len(sandbox.city)

    done = run_cli(
        url, "report", *_AT, "--type", "other", "--address", "here", stdin="Hello\n\n\nwhat\nn\n"
    )

    assert done.returncode == 0, done.stderr
    assert "Nothing was sent" in done.stderr
    assert len(sandbox.city) == before


def test_possible_duplicates_are_shown(sandbox: Sandbox, url: str) -> None:
    known = ("report", *_AT, "--type", "1005", "--address", "Elm St")
    first = run_cli(url, *known, stdin="Big tree\n\n\ny\n")

    second = run_cli(url, *known, stdin="Tree\n\n\nn\n")

    assert "may have been reported already" not in first.stderr
    assert "may have been reported already" in second.stderr
    assert "Big tree, Elm St" in second.stderr


def test_comment_and_close_write_a_comment(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    number = _open_issue(sandbox)
    (tmp_path / "photo.png").write_bytes(_PNG)

    done = run_cli(url, "comment", number, "Still there.", "--image", "photo.png", cwd=tmp_path)
    closed = run_cli(url, "close", number, "Mended.", "--json")
    shown = json.loads(run_cli(url, "show", number, "--json").stdout)

    assert done.stdout == f"Commented on #{number}.\n"
    assert json.loads(closed.stdout)["issue"]["status"] == "closed"
    assert [one["comment"] for one in shown["comments"]][-2:] == ["Still there.", "Mended."]


def test_moderated_writes_are_printed_as_such() -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None, moderated=True))
    with sandbox.serve() as url:
        commented = run_cli(url, "comment", str(sandbox.city.id_of(3)), "Hello")
        reported = run_cli(
            url, "report", *_AT, "--type", "other", "--address", "x", stdin="Hello\n\n\ny\n"
        )

    assert "a moderator has approved it" in " ".join(commented.stdout.split())
    assert "a moderator has approved it" in " ".join(reported.stdout.split())


def test_places_are_listed_and_found_by_name(url: str) -> None:
    listed = run_cli(url, "places", "41.05", "-73.54")
    named = run_cli(url, "places", "41.05", "-73.54", "--name", "Example City")
    lines = run_cli(url, "places", "41.05", "-73.54", "--limit", "1", "--json")

    assert "example-county" in listed.stdout
    assert named.stdout == "example-city\n"
    assert json.loads(lines.stdout)["url_name"] == "example-city"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("report", *_AT), 2, "scf: input: standard input has ended; scf report --help lists"),
        (("report", "--answers", "a.json"), 2, "requires --at"),
        (("report", "--answers", "gone.json"), 2, "--answers: gone.json does not exist."),
        (("report", "--answers", "deep.json"), 2, "deep.json is not one JSON object: "),
        (
            ("report", "--answers", "list.json"),
            2,
            "list.json is not one JSON object: Expected `object`, got `array`.",
        ),
        (
            ("report", "--answers", "bad.json"),
            2,
            "bad.json is not one JSON object: JSON is malformed: ",
        ),
        (("report", "--answers", "."), 2, "--answers: . cannot be read: Is a directory."),
        (
            ("report", *_AT, "--type", "1001", "--address", "x", *_ANSWERS),
            2,
            'Nothing was sent. - "Issue Title" is required. - "How large',
        ),
        (
            ("report", "--at", "95", "0", "--type", "other", "--address", "x", *_ANSWERS),
            2,
            "- LAT: must be a number from -90 to 90. ",
        ),
        (
            ("report", *_AT, "--type", "pothole", "--address", "x"),
            2,
            'or "other"; scf form LAT LNG lists them',
        ),
        (("report", *_AT, "--type", "²", "--address", "x"), 2, "--type: must be a number"),
        (
            ("report", *_AT, "--type", "1001", "--address", "x", *_ANSWERS),
            2,
            "is required. scf questions TYPE lists their keys and values.",
        ),
        (("questions", "7"), 1, "404"),
        (("close", "7", "done"), 1, "Issue 7 does not exist, or this account may not see it."),
        (("comment", "7", " "), 2, "COMMENT: must be a non-empty string."),
        (("places", "41.05", "-73.54", "--name", "Nowhere"), 2, "Use one of them with --place"),
    ],
)
def test_errors_are_printed_as_one_sentence(
    url: str, arguments: Sequence[str], code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}", "utf-8")
    (tmp_path / "list.json").write_text("[]", "utf-8")
    (tmp_path / "bad.json").write_text('{"summary": Hole}', "utf-8")
    (tmp_path / "deep.json").write_text('{"a":' + "[" * 100_000, "utf-8")

    done = run_cli(url, *arguments, cwd=tmp_path)

    assert done.returncode == code, done.stderr
    assert message in " ".join((done.stdout + done.stderr).split()) + " "
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "You are not signed in. Use scf login, or set SEECLICKFIX_TOKEN."),
        ("revoked-token", "The access token is invalid. It is that of SEECLICKFIX_TOKEN, which"),
    ],
)
def test_who_cannot_report_is_told_before_the_first_prompt(
    url: str, token: str, message: str, tmp_path: Path
) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path)}

    done = run_cli(url, "report", token=token, environment=home, stdin="41.05 -73.54\n")

    assert done.returncode == 1
    assert message in done.stderr
    assert "Latitude" not in done.stderr


def test_what_remains_for_an_archived_issue_is_said(sandbox: Sandbox, url: str) -> None:
    city = sandbox.city
    archived = next(city.id_of(row) for row in range(len(city)) if city.status[row] == 3)

    done = run_cli(url, "close", str(archived), "It is still there.")

    assert done.returncode == 1
    assert f"scf show {archived} prints its status. An archived issue stays as it is" in done.stderr


def test_a_point_must_be_two_numbers(url: str) -> None:
    done = run_cli(url, "report", stdin="somewhere\n")

    assert done.returncode == 2
    assert "two numbers" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone.png", "cannot be read: No such file"), ("text.png", "is not a png, jpeg")],
)
def test_a_wrong_photo_is_refused_before_the_first_prompt(
    name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("Hello", "utf-8")

    done = run_cli("http://127.0.0.1:9", "report", "--image", name, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(f"scf: --image: {message}")


def test_a_report_whose_response_is_lost_is_searched_for() -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None))
    known = ("report", *_AT, "--type", "other", "--address", "Elm St")
    with sandbox.serve() as url:
        run_cli(url, *known, stdin="Hello\n\n\ny\n")
        sandbox.faults.extend(
            [
                Fault(200, {"id": 41}),
                Fault(200, {"questions": []}),
                Fault(200, {"issues": []}),
                Fault(502),
            ]
        )
        done = run_cli(url, *known, stdin="y\n")

    assert done.returncode == 1
    assert "the issue may exist" in " ".join(done.stderr.split())
    assert "Hello, Elm St" in done.stderr
