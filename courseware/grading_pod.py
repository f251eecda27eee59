"""The two programs in the pod that runs one submitted notebook: `python -m courseware.grading_pod runner|driver`.

The runner is where the submission's code runs: a preloaded parent that forks a kernel. The driver has the plan, hidden
tests included, sends what is to be run through a socket, and writes the outcomes to its log. They share the pod's
processes and two scratch folders and nothing else: the plan is mounted in the driver's container alone, and the driver
cannot be looked into (it is not dumpable, so that /proc shows nothing of it to the same user).

Nothing runs before it is certain that nothing can be reached: where network policies are not enforced, the driver
refuses.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from courseware.execution import GRADING_LIMITS, ExecutorError, KernelExecutor
from courseware.plan_files import outcomes_to_text, plan_from_bytes
from kernels import ForkServerError, short_fork_server

PLAN_FOLDER = Path("/plan")
PROBES_VARIABLE = "COLLEGIUM_PROBES"
RUNNER_VARIABLE = "COLLEGIUM_RUNNER"
BEGIN, END = "collegium-outcomes", "collegium-end"
LINE = 8000
NETWORK_IS_OPEN, NO_RUNNER, CANNOT_RUN = 3, 4, 5
CLOSING_SECONDS = 20.0
CONNECT_SECONDS = 1.0
RUNNER_SECONDS = 120.0
PR_SET_DUMPABLE = 4


def run() -> None:
    """Be the runner: start the parent of kernels and stay until the driver has done."""
    short_fork_server().start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # after the fork: kernels must not inherit it
    signal.sigwait({signal.SIGTERM})


def drive() -> int:
    """Be the driver; return the exit status."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the driver cannot be hidden from the code that it judges")
    try:
        reached = reachable(_probes(), time.monotonic() + CLOSING_SECONDS)
        if reached:
            print(f"The pod reaches {', '.join(reached)}: network policies are not enforced.", flush=True)
            return NETWORK_IS_OPEN
        if not _runner_answers():
            print("The runner does not answer.", flush=True)
            return NO_RUNNER
        plan = plan_from_bytes(b"".join(path.read_bytes() for path in sorted(PLAN_FOLDER.glob("[0-9]*"))))
        # Bounds on processes count those of the user on the whole node; the pod has a user of its own for that.
        executor = KernelExecutor("short", replace(GRADING_LIMITS), is_sandboxed=False)
        try:
            outcomes = asyncio.run(executor.run(plan))
        except ExecutorError as error:
            print(error, flush=True)
            return CANNOT_RUN
        _write(outcomes_to_text(outcomes))
        return 0
    finally:
        _end_runner()


def reachable(probes: Sequence[tuple[str, int]], deadline: float) -> list[str]:
    """Return which addresses can still be reached at the deadline (monotonic seconds); empty once none can.

    Rules for a new pod take a moment to reach its node.
    """
    while True:
        reached = [f"{host}:{port}" for host, port in probes if _connects(host, port)]
        if not reached or time.monotonic() > deadline:
            return reached
        time.sleep(0.2)


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _probes() -> list[tuple[str, int]]:
    given = [text.rpartition(":") for text in os.environ.get(PROBES_VARIABLE, "").split(",") if text]
    cluster = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    api = [(cluster[0], int(cluster[1]))] if cluster[0] else []
    return api + [(host, int(port)) for host, _, port in given]


def _runner_answers() -> bool:
    deadline = time.monotonic() + RUNNER_SECONDS
    while time.monotonic() < deadline:
        try:
            if short_fork_server().status() is not None:
                return True
        except (ForkServerError, OSError):
            pass  # its folder or its socket is not there yet
        time.sleep(0.05)
    return False


def _write(text: str) -> None:
    print(BEGIN, flush=True)
    for at in range(0, len(text), LINE):
        print(text[at : at + LINE])
    print(END, flush=True)


def _end_runner() -> None:
    """Have the other container end: the processes of both are seen from here, and belong to the same user."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if words[-2:-1] == [b"runner"] and b"courseware.grading_pod" in words:
                os.kill(int(folder.name), signal.SIGTERM)
        except OSError:
            continue


def read_log(text: str) -> str:
    """Return the outcomes in a driver's log; raises `ValueError` when they are not whole."""
    lines = text.splitlines()
    if BEGIN not in lines or lines[-1:] != [END]:
        raise ValueError("the log holds no outcomes")
    return "".join(lines[lines.index(BEGIN) + 1 : -1])


if __name__ == "__main__":
    if sys.argv[1:] == ["runner"]:
        run()
    else:
        sys.exit(drive())
