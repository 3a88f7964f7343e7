"""Issues of a page, decoded into a `Struct` and copied.

msgspec sets each attribute of an attrs class by its name and then looks it up, which takes a third
of the time of decoding an issue. It fills a `Struct` by position. To copy its attributes costs half
of what that saves, in a function that is compiled for the class, as attrs compiles `__init__`.
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
        is_usual = True
        issue = new(Unfrozen)
        {statements}
        issue.__class__ = Issue
        if not is_usual:
            issue.__attrs_post_init__()
        issues.append(issue)
    return tuple(issues)
"""
_COPY_FIELD = "issue.{0} = row.{0}"
# As `is_representable`, without a call.
_COPY_TIME = """issue.{0} = at = row.{0}
        if at is not None and not 1 < at.year < 9999: is_usual = False"""
_COPY_REFERENCE = """issue.{0} = ref = row.{0}
        if ref is not None and ref.id is None: is_usual = False"""
_REFERENCES = frozenset({"request_type", "assignee"})  # `{}` for none


@cache
def copier(model: Any) -> Callable[[Iterable[Any]], tuple[Any, ...]]:
    """Return a function that copies rows, of the `Struct` of a class, to issues of the class.

    The hook of the class runs for rows for which it has something to do.
    """
    statements = dict.fromkeys((field.name for field in attrs.fields(model)), _COPY_FIELD)
    statements |= dict.fromkeys(time_fields(model), _COPY_TIME)
    statements |= dict.fromkeys(statements.keys() & _REFERENCES, _COPY_REFERENCE)
    # An attribute is set fastest by a statement, which a frozen class forbids; so a subclass
    # allows it, until the issue is complete and gets its own class.
    namespace = {name: vars(object)[name] for name in ("__setattr__", "__delattr__")}
    unfrozen = type("Unfrozen", (model,), {**namespace, "__slots__": ()})
    scope: dict[str, Any] = {"new": object.__new__, "Unfrozen": unfrozen, "Issue": model}
    lines = (statement.format(name) for name, statement in statements.items())
    code = _COPY.format(statements="\n        ".join(lines))
    exec(code, scope)  # noqa: S102  # of names of attributes only
    return scope["copy"]  # type: ignore[no-any-return]
