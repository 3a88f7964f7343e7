"""`scf sandbox`, or `python -m seeclickfix_async.sandbox`: a sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

import uvicorn

from seeclickfix_async.sandbox import (
    CLIENT,
    NEIGHBOUR_TOKEN,
    OFFICIAL_TOKEN,
    TOKEN,
    Quota,
    Sandbox,
    Settings,
)
from seeclickfix_async.sandbox._server import listen, uvicorn_config

_SAYS = f"""SeeClickFix sandbox on {{url}}
Its people and their tokens, which open nothing else:
  {TOKEN}, {NEIGHBOUR_TOKEN}, and of an official: {OFFICIAL_TOKEN}
Point a client at it:
  AsyncClient("{TOKEN}", base_url="{{url}}")
  scf issues --base-url {{url}}
  scf login --client-id {CLIENT} --base-url {{url}}"""


def _count(text: str) -> int:
    """How many of something."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number from 0.")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scf sandbox", description="Run a SeeClickFix on this machine until Ctrl-C."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_count, default=3110, help="0 takes a free one")
    parser.add_argument("--issues", type=_count, default=5000, help="how many the city has")
    parser.add_argument("--seed", type=int, default=311, help="the same one makes the same city")
    parser.add_argument(
        "--limit", type=_count, default=20, help="requests in a window; 0: no limit"
    )
    parser.add_argument("--per", type=float, default=60.0, help="seconds of a window")
    parser.add_argument(
        "--window",
        choices=("fixed", "sliding", "bucket"),
        default="fixed",
        help="how they are counted",
    )
    parser.add_argument(
        "--beyond",
        choices=("empty", "error", "repeat"),
        default="empty",
        help="what lies past the last row that can be reached",
    )
    parser.add_argument("--drift", type=_count, default=0, help="new issues before each list")
    parser.add_argument("--moderated", action="store_true", help="hold back what is written")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of each answer")
    return parser.parse_args()


def main() -> None:
    """Serve, and say where."""
    told = _arguments()
    quota = Quota(told.limit, per=told.per, window=told.window) if told.limit else None
    settings = Settings(
        quota=quota,
        beyond=told.beyond,
        drift=told.drift,
        latency=told.latency,
        moderated=told.moderated,
    )
    sandbox = Sandbox(told.issues, seed=told.seed, settings=settings)
    try:
        sock = listen(told.host, told.port)
    except (OSError, OverflowError) as error:
        sys.exit(f"scf sandbox: cannot listen on {told.host}, port {told.port}: {error}.")
    host = f"[{told.host}]" if ":" in told.host else told.host
    print(_SAYS.format(url=f"http://{host}:{sock.getsockname()[1]}"), flush=True)  # noqa: T201
    # The server passes the signal on when it has closed; that is a good end and no failure.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    try:
        uvicorn.Server(uvicorn_config(sandbox.app)).run(sockets=[sock])
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
