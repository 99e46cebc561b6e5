"""Scripts as processes of their own: what is put in place for a project's process is there for good."""

import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import Any

# What every script has: an engine that plays requests on virtual threads. `told` is what comes back, as JSON.
BEGINNING = """
import json
told = []

from cachewise.sim.project import chance, threads
from cachewise.sim.project.clock import ProjectClock

chance.install({seed!r})
threads.install()
clock = ProjectClock(1735689600.0)  # 2025-01-01
if {clock!r}:
    clock.install()
from cachewise.sim.engine.scheduler import Engine
import threading, time
engine = Engine()

def request(func, thread, after_s=0.0):
    "Serve `func` on `thread`, so long after the beginning."
    def serve():
        task = engine.current
        task.begin(0, after_s, engine.time())
        thread.enter(task)
        try:
            func()
        finally:
            task.serving = False
    engine.call_at(after_s, serve)

def play(*funcs, after_s=()):
    "Play each function as a request of its own thread, and return the virtual time at the end."
    threads.serve(engine)
    clock.source, clock.sleeper = engine.request_time, engine.sleep
    for place, func in enumerate(funcs):
        request(func, threads.VirtualThread(f"worker-{{place}}"), after_s[place] if after_s else 0.0)
    engine.play()

def note(*what):
    told.append([*what, engine.time()])
"""


def script(text: str, *, seed: int = 1, early: str = "", clock: bool = True, env: dict[str, str] | None = None) -> Any:
    """Run *text* after the beginning (and *early* before it) in a process of its own, and return what it told."""
    whole = f"{dedent(early)}\n{BEGINNING.format(seed=seed, clock=clock)}\n{dedent(text)}\nprint(json.dumps(told))"
    done = subprocess.run(
        [sys.executable, "-c", whole],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return json.loads(done.stdout)
