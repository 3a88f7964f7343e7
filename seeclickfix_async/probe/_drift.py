"""Fields and values of responses that the models do not know, and fields that are missing."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any, get_args, get_type_hints

import attrs

from seeclickfix_async.models import Status
from seeclickfix_async.models._normalize import ALIASES

_STATUSES = frozenset(Status)
_PRINTABLE = re.compile(r"[\w .-]{1,40}")


@attrs.define
class Drift:
    """The differences between rows and their models, collected over many rows."""

    unknown: set[str] = attrs.field(factory=set)
    statuses: set[str] = attrs.field(factory=set)
    _expected: Counter[str] = attrs.field(factory=Counter)
    _absent: Counter[str] = attrs.field(factory=Counter)

    @property
    def missing(self) -> tuple[str, ...]:
        """The paths of fields that no row has."""
        absent = self._absent.items()
        return tuple(sorted(path for path, count in absent if count == self._expected[path]))

    def add(self, row: Any, model: Any, path: str) -> None:
        """Compare a row with its model; an empty object stands for a missing one (observed)."""
        if not isinstance(row, dict) or not row:
            return
        nested = _nested_models(model)
        self._expected.update(f"{path}.{name}" for name in nested)
        names = {str(ALIASES.get(name, name)) for name in row}
        self._absent.update(f"{path}.{name}" for name in nested.keys() - names)
        self.unknown.update(f"{path}.{_printable(name)}" for name in names - nested.keys())
        status = row.get("status")
        if path == "issue" and isinstance(status, str) and status.lower() not in _STATUSES:
            self.statuses.add(_printable(status))
        for name, inner in nested.items():
            value = row.get(name)
            for item in value if isinstance(value, list) else [value]:
                if inner is not None:
                    self.add(item, inner, f"{path}.{name}")


def _printable(text: str) -> str:
    """Return a name or value of the service if it cannot be anything personal or harmful."""
    return text if _PRINTABLE.fullmatch(text) else "(unprintable)"


@cache
def _nested_models(model: Any) -> dict[str, Any]:
    """Return a model's fields, each with the model of its value; None for other values."""
    hints = get_type_hints(model, include_extras=False)
    return {field.name: _model_in(hints[field.name]) for field in attrs.fields(model)}


def _model_in(hint: Any) -> Any:
    if isinstance(hint, type) and attrs.has(hint):
        return hint
    return next(filter(None, map(_model_in, get_args(hint))), None)
