"""The command `scf`."""

from __future__ import annotations

import gc
import signal
import sys

from seeclickfix_async._cli.exit_codes import INTERRUPTED, MISUSED


def main() -> int:
    """Run the command line and return the exit code."""
    gc.disable()  # modules are no garbage; `run` enables it after it has loaded them
    try:
        from seeclickfix_async._cli.run import run  # noqa: PLC0415  # the extra may be missing

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except ImportError as error:
        cause = error.__cause__ or error  # of a command that cyclopts loads
        if str(getattr(cause, "name", "")).partition(".")[0] not in (
            "cyclopts",
            "platformdirs",
            "rich",
        ):
            raise
        extras = "cli,sandbox" if sys.argv[1:2] in (["demo"], ["sandbox"]) else "cli"
        install = f"pip install 'seeclickfix-async[{extras}]'"
        sys.stderr.write(f"scf requires the 'cli' extra: {install}\n")
        return MISUSED
    finally:  # at its end, Python waits for threads, and would print a traceback
        if sys.platform != "win32":  # Python reports a signal at the moment of the change
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.SIG_IGN)
