"""The report of a probe, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.probe._assumptions import ASSUMPTIONS, Assumption
from seeclickfix_async.probe._depth import UNLIMITED

_ASSUMPTIONS = {assumption.name: assumption for assumption in ASSUMPTIONS}
_VERDICTS = {True: "holds", False: "DIFFERS", None: "not seen"}


@attrs.frozen
class Finding:
    """The result for one assumption.

    Attributes:
        name: The assumption's name.
        value: The service's behaviour; None if it could not be found out.
        note: Why it could not be found out, or what else was seen.
    """

    name: str
    value: Any = None
    note: str = ""

    @property
    def assumption(self) -> Assumption:
        """The assumption of this name."""
        return _ASSUMPTIONS[self.name]

    @property
    def holds(self) -> bool | None:
        """Whether the assumption holds; None if that could not be found out."""
        return None if self.value is None else self.value in self.assumption.expected


@attrs.frozen
class ProbeReport:
    """The behaviour of a service when it was probed.

    `str()` of it is a table.

    Attributes:
        site: The service's address.
        at: When it was probed, in UTC.
        version: The version of this library.
        requests: The number of requests.
        findings: What was found, one for each of `ASSUMPTIONS`.
    """

    site: str
    at: datetime
    version: str
    requests: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found that differs."""
        return all(finding.holds is not False for finding in self.findings)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values that were found, for `sandbox.Settings.from_probe`."""
        return {f.name: f.value for f in self.findings if f.value is not None}

    def to_json(self) -> str:
        """Return the report as JSON."""
        findings = {
            f.name: {"value": _to_json(f.value), "holds": f.holds, "note": f.note}
            for f in self.findings
        }
        document = {
            "site": self.site,
            "at": self.at.isoformat(),
            "version": self.version,
            "requests": self.requests,
            "findings": findings,
        }
        return json.dumps(document, indent=2)

    @classmethod
    def from_json(cls, document: str) -> Self:
        """Return the report that `to_json` wrote.

        Raises:
            InvalidArgumentError: It is not such a report.
        """
        try:
            data = json.loads(document)
            findings = tuple(
                Finding(name, _from_json(name, found["value"]), str(found["note"]))
                for name, found in data["findings"].items()
                if name in _ASSUMPTIONS
            )
            at = datetime.fromisoformat(data["at"])
            return cls(data["site"], at, data["version"], int(data["requests"]), findings)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InvalidArgumentError(
                "document", "is not the report of a probe. Write one with `scf probe --json`."
            ) from error

    def __str__(self) -> str:
        lines = [f"{self.site}, {self.at:%Y-%m-%d}, {self.requests} requests, {self.version}", ""]
        for finding in self.findings:
            value = "" if finding.value is None else _text(finding.value)
            lines.append(f"{_VERDICTS[finding.holds]:<9} {finding.name:<20} {value}".rstrip())
            notes = [finding.note]
            if finding.holds is False:
                assumption = finding.assumption
                notes += [f"Expected: {assumption.behaviour}", assumption.otherwise]
            lines += [f"{'':<9} {note}" for note in notes if note]
        return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(value)) or "none"
    return "unlimited" if value == UNLIMITED else str(value)


def _to_json(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _from_json(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return frozenset(value) if name == "sorts" else tuple(value)
