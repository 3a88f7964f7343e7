"""A server of the Model Context Protocol: assistants search, count and report issues.

    server = build_server(client)
    server.run()  # over standard input and output, as `scf mcp`

Requires the extra `mcp`.
"""

from seeclickfix_async._core.extras import requires_extra
from seeclickfix_async._core.public_names import publish

with requires_extra(__name__, "mcp", "mcp", "mcp_types", "pydantic"):
    from seeclickfix_async.mcp._server import build_server as build_server

__all__ = ["build_server"]

publish(__name__, [build_server])
