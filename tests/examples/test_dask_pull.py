"""The pull of many workers into one dataset, with one quota."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil

from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from tests.support.example_programs import EXAMPLES
from tests.support.redis_server import redis_server
from tests.support.repository import ROOT

_PROGRAM = (EXAMPLES / "dask-pull" / "dask_pull.py").read_text("utf-8")
_ISSUES = 1500


def _kill_a_worker(cluster: int) -> None:
    """Kill one of the worker processes of a cluster."""
    children = psutil.Process(cluster).children()
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].kill()


def test_a_pull_survives_the_death_of_a_worker(tmp_path: Path) -> None:
    sandbox = Sandbox(_ISSUES, settings=Settings(quota=Quota(20, per=0.5, window="sliding")))
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM.replace("per=60.0", "per=0.5"), "utf-8")

    with redis_server() as port, sandbox.serve() as url:
        variables = {"SEECLICKFIX_BASE_URL": url, "REDIS_URL": f"redis://127.0.0.1:{port}"}
        with subprocess.Popen(
            [sys.executable, program, "example-city", "2023-10-01", "2026-10-02"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as pull:
            while pull.poll() is None and len(sandbox.requests) < 15:
                time.sleep(0.01)
            _kill_a_worker(pull.pid)
            output, errors = pull.communicate(timeout=100)

    assert output == "16 of 16 parts are complete\n", errors
    assert {request.status for request in sandbox.requests} == {200}
    with duckdb.connect() as database:
        files = f"{tmp_path}/example-city/*/*/*.parquet"
        ids = database.execute("SELECT id FROM read_parquet(?) ORDER BY id", [files]).fetchall()
    assert [number for (number,) in ids] == [sandbox.city.id_of(row) for row in range(_ISSUES)]
