"""Every parser of outside bytes, tried with inputs that atheris mutates for new coverage.

    python -m benchmarks fuzz
    python -m benchmarks fuzz --runs 100000 cursor page

Each parser of `table.py` runs in a process of its own. It begins with the small files of its folder
in `corpus/`, which are written by hand. A parser may return a value or raise an error of the
package: any other exception, ten seconds for one input, or two gigabytes of memory end the run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

RUNS = 10_000_000
"""Executions of each parser by default."""

CORPUS = Path(__file__).with_name("corpus")

_OPTIONS = ("-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1")
_COVERAGE = re.compile(r"cov: (\d+)")
_EXECUTIONS = re.compile(r"stat::number_of_executed_units: (\d+)")
_FAILURES = ("crash-", "leak-", "oom-", "timeout-")  # names of the files that libFuzzer writes
_WORD = re.compile(rb"[\w-]{2,40}")


@attrs.frozen
class _Result:
    """What the process of a parser printed.

    Attributes:
        log: Its messages; the last ones describe the failure, if there is one.
        failure: The file with the input that failed; None if none did.
    """

    log: str
    failure: Path | None

    @property
    def executions(self) -> int:
        """The number of inputs."""
        found = _EXECUTIONS.search(self.log)
        return int(found[1]) if found else 0

    @property
    def coverage(self) -> tuple[int, int]:
        """The covered branches of the corpus, and of all inputs."""
        found = [int(number) for number in _COVERAGE.findall(self.log)] or [0]
        return found[0], found[-1]


def run(names: Iterable[str], runs: int = RUNS) -> int:
    """Fuzz the named parsers, or all; print a line for each, and return the exit code.

    Args:
        names: Names of `table.PARSERS`.
        runs: Executions of each parser.
    """
    known = sorted(folder.name for folder in CORPUS.iterdir())
    names = list(names) or known
    if unknown := sorted({*names} - {*known}):
        print(f"There is no parser {unknown[0]}. Use some of {', '.join(known)}.")
        return 2
    if importlib.util.find_spec("atheris") is None:
        print("atheris is missing. Install the group: pip install --group fuzz")
        return 2
    print(f"{'parser':<20}{'executions':>12}{'coverage':>16}{'a second':>12}")
    return max([_fuzz(name, runs) for name in names])


def _fuzz(name: str, runs: int) -> int:
    """Fuzz one parser; return 1 if an input failed."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    begun = time.perf_counter()
    result = _run_child(name, runs, folder)
    speed = result.executions / (time.perf_counter() - begun)
    first, last = result.coverage
    growth = f"{first} to {last}"
    print(f"{name:<20}{result.executions:>12,}{growth:>16}{speed:>12,.0f}", flush=True)
    if result.failure is None:
        shutil.rmtree(folder)
        return 0
    print(result.log[-4_000:])
    print(f"{name} failed with {result.failure.read_bytes()!r}, which is in {result.failure}")
    return 1


def _run_child(name: str, runs: int, folder: Path) -> _Result:
    """Run the process of a parser; new inputs and the failed one are stored in the folder."""
    found = folder / "found"
    found.mkdir()
    (folder / "words").write_bytes(_dictionary(CORPUS / name))
    command = [sys.executable, "-m", "benchmarks.fuzz.child", name, *_OPTIONS]
    command += [f"-runs={runs}", f"-artifact_prefix={folder}/", f"-dict={folder}/words"]
    with (folder / "log").open("w+", errors="replace") as log:
        process = subprocess.run(
            [*command, str(found), str(CORPUS / name)],
            env={**os.environ, "TMPDIR": str(folder)},  # libFuzzer does not remove temporary files
            stdout=log,
            stderr=log,
            check=False,
        )
        log.seek(0)
        content = log.read()
    failures = [file for file in folder.iterdir() if file.name.startswith(_FAILURES)]
    if process.returncode and not failures:
        raise RuntimeError(f"The process of {name} failed without an input:\n{content[-4_000:]}")
    return _Result(content, failures[0] if failures else None)


def _dictionary(corpus: Path) -> bytes:
    """Return the words of the corpus, such as names of members, which libFuzzer inserts, too."""
    words = {word for file in corpus.iterdir() for word in _WORD.findall(file.read_bytes())}
    return b"".join(b'"%b"\n' % word for word in sorted(words))
