"""The command `scf sandbox` (`python -m seeclickfix_async.sandbox`), which runs until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import math
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

_BANNER = f"""SeeClickFix sandbox on {{url}}
Access tokens, valid only here:
  {TOKEN} and {NEIGHBOUR_TOKEN} (residents), {OFFICIAL_TOKEN} (an official)
Connect to it:
  AsyncClient("{TOKEN}", base_url="{{url}}")
  scf issues --base-url {{url}}
  scf login --client-id {CLIENT} --base-url {{url}}"""


def _count(text: str) -> int:
    """Parse a count for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be an integer of 0 or more.")
    return int(text)


def _seconds(text: str) -> float:
    """Parse a length of time for argparse."""
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise argparse.ArgumentTypeError("must be a number of seconds above 0.")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scf sandbox",
        description="Run a SeeClickFix on this machine until Ctrl-C. Its city's history ends on "
        "1 October 2026; what is reported is dated one minute after the newest issue.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_count, default=3110, help="0 chooses a free port")
    parser.add_argument("--issues", type=_count, default=5000, help="number of issues in the city")
    parser.add_argument("--seed", type=int, default=311, help="the same seed makes the same city")
    parser.add_argument(
        "--limit",
        type=_count,
        default=20,
        help="requests allowed in a window; 0: no limit, for which scf needs --no-limit",
    )
    parser.add_argument("--per", type=_seconds, default=60.0, help="length of a window in seconds")
    parser.add_argument(
        "--window",
        choices=("fixed", "sliding", "bucket"),
        default="fixed",
        help="type of rate limit",
    )
    parser.add_argument(
        "--beyond",
        choices=("empty", "error", "repeat"),
        default="empty",
        help="response to a page past the depth cap",
    )
    parser.add_argument(
        "--drift", type=_count, default=0, help="issues reported before each list request"
    )
    parser.add_argument("--moderated", action="store_true", help="moderate all writes (202)")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="delay of each response in seconds"
    )
    return parser.parse_args()


def main() -> None:
    """Run the sandbox and print its address."""
    arguments = _parse_arguments()
    quota = (arguments.limit, arguments.per, arguments.window)
    settings = Settings(
        quota=Quota(*quota) if arguments.limit else None,
        beyond=arguments.beyond,
        drift=arguments.drift,
        latency=arguments.latency,
        moderated=arguments.moderated,
    )
    sandbox = Sandbox(arguments.issues, seed=arguments.seed, settings=settings)
    try:
        sock = listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        sys.exit(
            f"scf sandbox: cannot listen on {arguments.host}, port {arguments.port}: {error}. "
            "Choose another port with --port; 0 is a free one."
        )
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(_BANNER.format(url=f"http://{host}:{sock.getsockname()[1]}"), flush=True)  # noqa: T201
    # uvicorn raises the signal again after it has shut down; exit with 0 then, not as killed.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    try:
        uvicorn.Server(uvicorn_config(sandbox.app, sandbox.faults)).run(sockets=[sock])
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
