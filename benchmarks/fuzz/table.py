"""The parsers by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from benchmarks.fuzz import arguments, files, logins, responses, servers
from seeclickfix_async.errors import SeeClickFixError

PARSERS: dict[str, Callable[[bytes], object]] = {
    "answers": arguments.parse_answers,
    "application": logins.parse_application,
    "arguments": arguments.parse_command_line,
    "callback": logins.parse_callback,
    "checkpoint": files.read_checkpoint,
    "content": responses.read_compressed,
    "crawl_state": files.read_crawl_state,
    "credentials": logins.parse_credentials,
    "csv": files.read_csv,
    "cursor": files.read_cursor,
    "environment": arguments.read_environment,
    "excel": arguments.restore_cell,
    "exchange": responses.exchange,
    "flow": logins.load_flow,
    "geojson": files.read_geojson,
    "headers": responses.parse_headers,
    "jsonl": files.read_jsonl,
    "link": responses.check_link,
    "listener": servers.listen,
    "map_csv": files.draw_csv,
    "map_geojson": files.draw_geojson,
    "map_jsonl": files.draw_jsonl,
    "model": responses.read_model,
    "object": responses.read_object,
    "page": responses.read_page,
    "parquet": files.read_parquet,
    "photo": arguments.detect_photo,
    "photo_location": arguments.remove_photo_location,
    "query": arguments.parse_query,
    "refusal": responses.read_refusal,
    "sandbox": servers.request_sandbox,
    "slot_log": files.read_slot_log,
    "sqlite": files.read_sqlite,
    "sqlite_row": files.read_sqlite_row,
    "stored_token": logins.load_token,
    "token_response": logins.read_token_response,
    "web_login": servers.request_login,
    "written": responses.read_written,
}


def run(name: str, content: bytes) -> None:
    """Run a parser, which may raise errors of the package and no others."""
    with suppress(SeeClickFixError):
        PARSERS[name](content)
