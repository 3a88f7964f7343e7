"""The exit codes of `scf`."""

from __future__ import annotations

OK, FAILED, MISUSED, INCOMPLETE, LOCKED, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 4, 130, 141

MEANINGS = {
    OK: "success; scf watch was stopped by SIGTERM",
    FAILED: "the service, the network or a program failed; scf doctor or scf probe found something",
    MISUSED: "wrong arguments or settings, or a file that cannot be used; nothing was sent",
    INCOMPLETE: "the results are incomplete, or the place has no issues",
    LOCKED: "another process is writing to the file",
    INTERRUPTED: "stopped by Ctrl-C",
    BROKEN_PIPE: "the program that reads the output ended before all was printed",
}
