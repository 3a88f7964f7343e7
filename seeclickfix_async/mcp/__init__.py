"""A server of the Model Context Protocol: assistants search, count and report issues.

    server = build_server(client)
    server.run()  # over standard input and output, as `scf mcp`

Requires the extra `mcp`.
"""

from seeclickfix_async._core.public_names import publish

try:
    from seeclickfix_async.mcp._server import build_server as build_server
except ModuleNotFoundError as _error:
    if str(_error.name).partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
        raise
    raise ModuleNotFoundError(
        "seeclickfix_async.mcp requires the 'mcp' extra: pip install 'seeclickfix-async[mcp]'",
        name=_error.name,
    ) from None

__all__ = ["build_server"]

publish(__name__, [build_server])
