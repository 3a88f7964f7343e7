"""The probe, against sandboxes in every setting that it has to find."""

from __future__ import annotations

import importlib.util
from typing import Any

import attrs
import httpx
import pytest

from seeclickfix_async import BoundingBox, Secret, WatchArea
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.probe import ASSUMPTIONS, ProbeReport, probe
from seeclickfix_async.sandbox import TOKEN, Fault, Quota, Sandbox, Settings
from seeclickfix_async.testing import SandboxHarness
from tests.support.command_line import run_cli
from tests.support.repository import ROOT

pytestmark = pytest.mark.anyio

_DRIFT: dict[str, Any] = {
    "missing_fields": {"issue.reporter.avatar", "comment.media", "request_type.title"},
    "unknown_fields": {"issue.zone", "issue.media.blurred", "comment.mood", "request_type.color"},
    "unknown_statuses": ("In Progress", "Referred"),
}
_SETTINGS: list[dict[str, Any]] = [
    {"most_per_page": 30},
    {"most_per_page": 1000, "most_detailed": 100},
    {"most_detailed": 10, "details_depth": 400},
    {"depth": 300, "details_depth": 240},
    {"depth": 950, "details_depth": 520, "beyond": "error"},
    {"depth": 430, "beyond": "repeat"},
    {"beyond": "repeat"},
    {"depth": 2**62},
    {"after_inclusive": False},
    {"sorts": frozenset()},
    {"sorts": {"updated_at"}},
    {"sorts": {"rating", "created_at"}},
    {"whole_seconds": False},
    {"whole_seconds": False, "after_inclusive": False},
    {"archived_by_default": True},
    {"entries": False},
    {"entries": False, "beyond": "error", "depth": 700},
    {"etags": False, "dates": False},
    {"anonymous_profile": "unauthorized"},
    _DRIFT,
]
_WITHOUT_FINDING = {"quota", "drift", "latency", "moderated"}


def _harness(issues: int = 1200, **settings: Any) -> SandboxHarness:
    return SandboxHarness(issues, **{"quota": None, **settings})


async def _probe(**settings: Any) -> ProbeReport:
    return await probe(_harness(**settings).make_client())


async def test_all_that_is_observed_holds() -> None:
    sandbox = _harness()

    report = await probe(sandbox.make_client())

    assert report.holds
    assert {finding.name for finding in report.findings if finding.value is None} == {
        "retry_after",
        "limited_body",
    }
    assert report.requests == len(sandbox.requests) <= 20
    assert {request.method for request in sandbox.requests} == {"GET"}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("settings", _SETTINGS, ids=" ".join)
async def test_it_finds_what_was_set(settings: dict[str, Any]) -> None:
    report = await _probe(**settings)

    for name, value in settings.items():
        found = report.settings[name]
        if name == "missing_fields":  # some fields are always missing
            assert {*value} <= {*found}
        elif isinstance(value, (int, str)):
            assert found == value
        else:
            assert sorted(found) == sorted(value)
    assert report.requests <= 20


async def test_a_sandbox_behaves_as_the_report_says() -> None:
    settings = {"depth": 300, "beyond": "error", "entries": False, "after_inclusive": False}
    report = await _probe(**settings, **_DRIFT)

    again = await _probe(**attrs.asdict(Settings.from_probe(report), recurse=False))

    assert again.findings == report.findings


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("retry_after", ["seconds", "date", "none"])
@pytest.mark.parametrize("body", ["json", "html", "empty"])
async def test_a_429_that_comes_is_described(retry_after: Any, body: Any) -> None:
    sandbox = _harness(quota=Quota(10), retry_after=retry_after, limited_body=body)

    report = await probe(sandbox.make_client(limiter=None))

    assert (report.settings["retry_after"], report.settings["limited_body"]) == (retry_after, body)
    assert report.requests <= 20


async def test_a_short_listing_says_nothing_about_the_depth() -> None:
    report = await probe(_harness(200).make_client())

    findings = {finding.name: finding for finding in report.findings}
    assert findings["depth"].value is None
    assert findings["depth"].note == "The listing has only 200 rows."
    assert report.holds


async def test_an_area_without_issues_leaves_everything_open() -> None:
    sandbox = _harness(300)

    report = await probe(sandbox.make_client(), area=BoundingBox(1, 1, 2, 2))

    assert report.requests == 1
    assert report.settings.keys() == {"dates", "most_per_page", "entries"}


async def test_the_report_has_no_token_and_nothing_personal() -> None:
    sandbox = _harness(unknown_fields={"issue.<b>jane@x.org"})
    area = WatchArea(Secret("canary-watcher"))

    report = await probe(sandbox.client, area=area)

    text = str(report) + report.to_json() + repr(report)
    assert TOKEN not in text
    assert "canary-watcher" not in text
    assert "Resident" not in text
    assert "jane" not in text
    assert not any(request.authorized for request in sandbox.requests)


async def test_an_endpoint_that_fails_costs_only_its_own_findings() -> None:
    sandbox = _harness()
    sandbox.faults.append(Fault(404), on="GET /issues/*/comments")
    sandbox.faults.append(Fault(200, "not JSON"), on="GET /profile")

    report = await probe(sandbox.make_client())

    assert {"etags", "anonymous_profile"}.isdisjoint(report.settings)
    assert report.settings["depth"] == 1000


async def test_a_client_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="client"):
        await probe(httpx.AsyncClient())  # type: ignore[arg-type]


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"findings": {"depth": 1}}', "null"])
def test_another_document_is_not_a_report(document: str) -> None:
    with pytest.raises(InvalidArgumentError, match="scf probe --json"):
        ProbeReport.from_json(document)


async def test_json_keeps_the_report() -> None:
    report = await _probe(**_DRIFT)

    assert ProbeReport.from_json(report.to_json()) == report


def test_assumptions_settings_and_documentation_are_the_same() -> None:
    rows = [
        f"| `{a.name}` | {a.behaviour} | {a.source} | {', '.join(f'`{m}`' for m in a.used_by)} "
        f"| {a.otherwise} |"
        for a in ASSUMPTIONS
    ]
    page = (ROOT / "docs" / "reference" / "assumptions.md").read_text("utf-8")
    names = {assumption.name for assumption in ASSUMPTIONS}

    assert [line for line in page.splitlines() if line.startswith("| `")] == rows
    assert names == {field.name for field in attrs.fields(Settings)} - _WITHOUT_FINDING
    for module in {module for assumption in ASSUMPTIONS for module in assumption.used_by}:
        assert importlib.util.find_spec(f"seeclickfix_async.{module}"), module


def test_the_command_prints_the_report(city_url: str) -> None:
    shown = run_cli(city_url, "probe", "--no-limit", "--place", "example-city")
    done = run_cli(city_url, "probe", "--no-limit", "--json")
    refused = run_cli(city_url, "probe", "--request-type", "7")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "holds     depth                1000" in shown.stdout.splitlines()
    assert done.stdout.endswith("}\n")
    report = ProbeReport.from_json(done.stdout)
    assert report.holds
    assert report.settings["most_per_page"] == 100
    assert (refused.returncode, refused.stdout) == (2, "")


def test_the_command_says_what_differs() -> None:
    with Sandbox(1200, settings=Settings(quota=None, entries=False)).serve() as url:
        quiet = run_cli(url, "probe", "--no-limit", "--quiet")
        as_json = run_cli(url, "probe", "--no-limit", "--quiet", "--json")

    assert (quiet.returncode, quiet.stdout) == (1, "")
    assert "DIFFERS   entries              False" in quiet.stderr.splitlines()
    assert not ProbeReport.from_json(as_json.stdout).holds
