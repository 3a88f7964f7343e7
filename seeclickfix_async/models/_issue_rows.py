"""Issues of a page, decoded into a `Struct` and copied.

msgspec sets each attribute of an attrs class by its name and then looks it up, which takes a third
of the time of decoding an issue. It fills a `Struct` by position. A copy of its attributes that is
compiled for the class, as attrs compiles `__init__`, is faster than what it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import attrs

from seeclickfix_async.models._common import time_fields

_COPY = """
def copy(rows):
    issues = []
    for row in rows:
        issue = new(Unfrozen)
        {assignments}
        issue.__class__ = Issue
        if {is_unusual}:
            issue.__attrs_post_init__()
        issues.append(issue)
    return tuple(issues)
"""
_UNUSUAL_TIME = "(at := row.{}) is not None and not 1 < at.year < 9999"
_UNUSUAL_REFERENCE = "(ref := row.{}) is not None and ref.id is None"
_REFERENCES = ("request_type", "assignee")  # `{}` for none


@cache
def copier(model: Any) -> Callable[[Iterable[Any]], tuple[Any, ...]]:
    """Return a function that copies rows, of the `Struct` of a class, to issues of the class.

    The hook of the class runs for rows for which it has something to do.
    """
    names = [field.name for field in attrs.fields(model)]
    unusual = [_UNUSUAL_TIME.format(name) for name in time_fields(model)]
    unusual += [_UNUSUAL_REFERENCE.format(name) for name in _REFERENCES if name in names]
    # An attribute is set fastest by a statement, which a frozen class forbids; so a subclass
    # allows it, until the issue is complete and gets its own class.
    namespace = {name: vars(object)[name] for name in ("__setattr__", "__delattr__")}
    unfrozen = type("Unfrozen", (model,), {**namespace, "__slots__": ()})
    scope: dict[str, Any] = {"new": object.__new__, "Unfrozen": unfrozen, "Issue": model}
    code = _COPY.format(
        assignments="; ".join(f"issue.{name} = row.{name}" for name in names),
        is_unusual=" or ".join(unusual),
    )
    exec(code, scope)  # noqa: S102  # of names of attributes only
    return scope["copy"]  # type: ignore[no-any-return]
