"""Dask clusters on loopback: a scheduler and workers, processes that a test starts and ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import ROOT, wait_until


@dataclass(frozen=True)
class Cluster:
    """Where its scheduler listens, and its processes."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(place: Path, workers: int = 2, threads: int = 1, path: Path | None = None) -> Iterator[Cluster]:
    """Give a cluster of so many *workers*; what it writes goes to the folder *place*. *path* comes first."""
    with ExitStack() as ended, (place / "cluster.log").open("wb") as log:

        def start(part: str, *arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{part}", "--no-dashboard", *arguments],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([*([str(path)] if path else []), str(ROOT)])},
                cwd=place,
                stdout=log,
                stderr=log,
            )
            ended.callback(process.wait)
            ended.callback(process.kill)
            return process

        told = place / "scheduler.json"
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        wait_until(lambda: told.exists() and told.read_text().endswith("}"))
        address = json.loads(told.read_text())["address"]
        options = ("--host", "127.0.0.1", "--nthreads", str(threads), "--no-nanny", "--local-directory", str(place))
        yield Cluster(address, scheduler, [start("worker", address, *options) for _ in range(workers)])
