"""The defaults of options: which one is used, and which configuration file is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import TOKEN
from tests.support.command_line import run_cli
from tests.support.text_service import TextService

pytestmark = pytest.mark.usefixtures("working_folder")


@pytest.fixture(scope="module")
def service() -> TextService:
    return TextService("Hole")


@pytest.fixture(scope="module")
def site(service: TextService) -> Iterator[str]:
    with service.serve() as url:
        yield url


@pytest.fixture
def config(working_folder: Path) -> Path:
    folder = working_folder / "config" / "seeclickfix-async"
    folder.mkdir(parents=True, mode=0o700)
    return folder / "config.toml"


def test_the_file_sets_site_place_and_contact(
    service: TextService, site: str, config: Path
) -> None:
    config.write_text(f'base_url = "{site}"\nplace = "example-city"\ncontact = "me@city.example"\n')

    done = run_cli("", "issues", "--json")

    assert done.returncode == 0, done.stderr
    assert "place_url=example-city" in service.url
    assert service.headers["user-agent"].endswith("(+me@city.example)")
    assert service.headers["authorization"] == f"Bearer {TOKEN}"  # it belongs to the file's site


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SEECLICKFIX_BASE_URL", "localhost:3110", "SEECLICKFIX_BASE_URL: must be a URL"),
        ("SEECLICKFIX_CONTACT", "me\n@city.example", "SEECLICKFIX_CONTACT: "),
    ],
)
def test_an_invalid_variable_is_named(
    variable: str, value: str, message: str, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_cli(site, "issues", environment={variable: value})

    assert done.returncode == 2
    assert done.stderr.startswith(f"scf: {message}")


def test_an_option_precedes_the_environment_and_that_the_file(
    service: TextService, site: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('base_url = "http://127.0.0.1:9"\nplace = "a"\ncontact = "file@x.example"\n')
    monkeypatch.setenv("SEECLICKFIX_PLACE", "example-county")
    monkeypatch.setenv("SEECLICKFIX_CONTACT", "environment@x.example")

    assert run_cli(site, "issues").returncode == 0
    assert "place_url=example-county" in service.url
    assert "environment@x.example" in service.headers["user-agent"]

    run_cli(site, "issues", "--place", "example-city", "--contact", "option@x.example")
    assert "place_url=example-city" in service.url
    assert "option@x.example" in service.headers["user-agent"]

    run_cli(site, "issues", "--near", "41.05", "-73.54", "500")
    assert "place_url" not in service.url  # another area


def test_the_token_belongs_to_the_site_of_the_file(
    service: TextService, site: str, config: Path
) -> None:
    config.write_text('base_url = "https://city.example"\n')
    before = len(service.requests)

    done = run_cli("", "whoami", "--base-url", site)

    assert done.returncode == 2
    assert "SEECLICKFIX_TOKEN belongs to https://city.example" in done.stderr
    assert len(service.requests) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            'place = "a"\n\nplcae = "b"\n',
            "line 3: plcae is unknown. The keys are base_url,",
        ),
        ("place = 7\n", "line 1: place must be a string in quotes"),
        ('base_url = "city"\n', "line 1: base_url must be a URL such as"),
        ('contact = "two words"\n', "line 1: contact must be an e-mail address or a URL"),
        ('[site]\nplace = "a"\n', "line 1: site is unknown"),
        ("place = a\n", "is not a TOML file: Invalid value (at line 1, column 9)."),
        (f'# mine\ntoken = "{TOKEN}"\n', "line 2: token must not be in this file, which may be"),
        (f'client_secret = "{TOKEN}"\n', "Use scf login, or set SEECLICKFIX_TOKEN."),
    ],
)
def test_a_wrong_file_is_one_sentence(content: str, message: str, config: Path) -> None:
    config.write_text(content)

    done = run_cli("", "issues")

    assert done.returncode == 2
    assert done.stderr.startswith(f"scf: {config}: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert TOKEN not in done.stderr
    assert run_cli("", "--version").returncode == 0


def test_a_file_that_others_can_write_is_refused(config: Path) -> None:
    config.write_text('base_url = "https://evil.example"\n')
    config.chmod(0o666)

    done = run_cli("", "issues")

    assert done.returncode == 2
    assert "all users can write to it" in done.stderr


def test_a_link_and_a_file_of_an_editor_of_windows_are_read(
    service: TextService, site: str, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "dotfiles.toml").write_bytes(f'\ufeffbase_url = "{site}"\r\n'.encode())
    config.symlink_to(tmp_path / "dotfiles.toml")

    assert run_cli("", "issues").returncode == 0


def test_doctor_shows_the_file(site: str, config: Path) -> None:
    config.write_text('place = "example-city"\n')
    used = json.loads(run_cli(site, "doctor", "--json").stdout)["checks"]
    config.write_text("nonsense")
    wrong = run_cli(site, "doctor")

    values = {check["name"]: check["value"] for check in used}
    assert values["configuration"]["file"] == str(config)
    assert values["configuration"]["keys"] == ["place"]
    assert wrong.returncode == 1
    assert "is not a TOML file" in " ".join(wrong.stdout.split())
