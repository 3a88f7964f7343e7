"""Assertions on what a program did to a sandbox."""

from __future__ import annotations

from typing import Any

from seeclickfix_async.sandbox import Sandbox


def reported_exactly_once(sandbox: Sandbox, **fields: Any) -> dict[str, Any]:
    """Assert that one issue was reported, not none and not two; return it as JSON.

        reported_exactly_once(scf_sandbox, summary="Pothole on Elm Street")

    A response that was lost and a report that was repeated are what this finds: use it with faults
    such as `Fault.reset()`.

    Args:
        sandbox: The sandbox.
        **fields: Fields of the issue in question, such as `summary`, `description` or `address`, to
            distinguish it from others. Without one, it is the only report.

    Raises:
        AssertionError: No such issue was reported, or more than one.
    """
    return _exactly_one("report", sandbox.reports, fields)


def commented_exactly_once(
    sandbox: Sandbox, comment: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Assert that one comment was written; return it as JSON.

    Args:
        sandbox: The sandbox.
        comment: Its content; None for the only comment.
        **fields: Other fields, such as `issue_url`.

    Raises:
        AssertionError: No such comment was written, or more than one.
    """
    if comment is not None:
        fields["comment"] = comment
    return _exactly_one("comment", sandbox.comments, fields)


def wrote_nothing(sandbox: Sandbox) -> None:
    """Assert that no request that writes was sent, carried out or not.

    Raises:
        AssertionError: One was sent.
    """
    writes = [
        f"{request.method} {request.path} ({request.status})"
        for request in sandbox.requests
        if request.method not in ("GET", "HEAD")
    ]
    if writes:
        raise AssertionError(f"These requests write: {', '.join(writes)}.")


def kept_the_quota(sandbox: Sandbox) -> None:
    """Assert that the sandbox refused no request because of its quota.

    A 429 of a fault does not count.

    Raises:
        AssertionError: It refused some.
    """
    quota = sandbox.settings.quota
    if quota is None:
        raise AssertionError("This sandbox has no quota. Create it with one, to see if it is kept.")
    if quota.refused:
        raise AssertionError(
            f"{quota.refused} requests were refused with 429: more than {quota.limit} in "
            f"{quota.per:g} seconds. Use one client, or one limiter for all clients."
        )


def _exactly_one(kind: str, rows: list[dict[str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    found = [row for row in rows if fields.items() <= row.items()]
    if len(found) == 1:
        return found[0]
    wanted = f" with {fields}" if fields else ""
    seen = "".join(f"\n  {_describe(row)}" for row in rows) or " none"
    raise AssertionError(
        f"Expected one {kind}{wanted}, found {len(found)}. All {kind}s of the sandbox:{seen}"
    )


def _describe(row: dict[str, Any]) -> str:
    return repr(row.get("comment") or {key: row[key] for key in ("summary", "description")})
