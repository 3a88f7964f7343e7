"""The process that fuzzes one parser: `python -m benchmarks.fuzz.child PARSER [OPTION ...]`."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from contextlib import suppress
from typing import Any

from benchmarks.fuzz import CORPUS


def main(name: str, *options: str) -> None:
    """Fuzz a parser with the options of libFuzzer; does not return."""
    warnings.simplefilter("ignore")  # of tokens that expire soon
    logging.disable()
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["seeclickfix_async"]):
        table: Any = importlib.import_module("benchmarks.fuzz.table")
        for file in (CORPUS / name).iterdir():  # loads the modules that are imported late
            with suppress(Exception):  # it fails again below, where it is reported
                table.run(name, file.read_bytes())
    atheris.Setup([sys.argv[0], *options], lambda content: table.run(name, content))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
