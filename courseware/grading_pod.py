"""The two programs in the pod that runs one submitted notebook: `python -m courseware.grading_pod runner|driver`.

The runner is where the submission's code runs: a preloaded parent that forks a kernel. The driver has the plan, hidden
tests included, sends what is to be run through a socket, and writes the outcomes to its log. They share the pod's
processes and two scratch folders and nothing else: the plan is mounted in the driver's container alone, and the driver
cannot be looked into (it is not dumpable, so that /proc shows nothing of it to the same user).

Nothing runs before it is certain that nothing can be reached. The rules for a new pod take a moment to come into force,
longer on a busy node: the driver waits for them, as long as it is told to, and then refuses. It goes on looking while
the submission runs, and gives no result when anything was reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from courseware.execution import GRADING_LIMITS, ExecutorError, KernelExecutor
from courseware.plan_files import outcomes_to_text, plan_from_bytes
from kernels import ForkServerError, short_fork_server

PLAN_FOLDER = Path("/plan")
PROBES_VARIABLE = "COLLEGIUM_PROBES"
WAIT_VARIABLE = "COLLEGIUM_NETWORK_SECONDS"
RUNNER_VARIABLE = "COLLEGIUM_RUNNER"
BEGIN, END = "collegium-outcomes", "collegium-end"
LINE = 8000
NETWORK_IS_OPEN, NO_RUNNER, CANNOT_RUN = 3, 4, 5
DEFAULT_WAIT_SECONDS = 300.0
CONNECT_SECONDS = 2.5  # the first packet of a new pod may be lost, and is sent again after a second
LOOK_SECONDS = 0.5
TELL_SECONDS = 15.0
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
        probes = _probes()
        if not closes(probes, float(os.environ.get(WAIT_VARIABLE, DEFAULT_WAIT_SECONDS))):
            return NETWORK_IS_OPEN
        if not _runner_answers():
            print("The runner does not answer.", flush=True)
            return NO_RUNNER
        return _judge(probes)
    finally:
        _end_runner()


def closes(probes: Sequence[tuple[str, int]], wait_seconds: float) -> bool:
    """Wait until nothing can be reached, and say whether that came about."""
    if not probes:
        print("Whether network policies are enforced cannot be told: there is no address to try.", flush=True)
        return False
    began = time.monotonic()
    reached = reachable(probes, began + wait_seconds, _teller())
    if reached:
        print(_open(reached, f"after {wait_seconds:.0f} s"), flush=True)
        return False
    print(f"Nothing can be reached after {time.monotonic() - began:.1f} s.", flush=True)
    return True


def _judge(probes: Sequence[tuple[str, int]]) -> int:
    """Run the plan and write its outcomes; return the exit status."""
    plan = plan_from_bytes(b"".join(path.read_bytes() for path in sorted(PLAN_FOLDER.glob("[0-9]*"))))
    # Bounds on processes count those of the user on the whole node; the pod has a user of its own for that.
    executor = KernelExecutor("short", replace(GRADING_LIMITS), is_sandboxed=False)
    with watching(probes) as reached:
        try:
            outcomes = asyncio.run(executor.run(plan))
        except ExecutorError as error:
            print(error, flush=True)
            return CANNOT_RUN
    if reached:
        print(_open(reached, "while the submission ran"), flush=True)
        return NETWORK_IS_OPEN
    _write(outcomes_to_text(outcomes))
    return 0


def reachable(
    probes: Sequence[tuple[str, int]],
    deadline: float,
    on_wait: Callable[[Sequence[str]], None] = lambda _reached: None,
) -> list[str]:
    """Return which addresses can still be reached at the deadline (monotonic seconds); empty once none can.

    Rules for a new pod take a moment to reach its node: meanwhile `on_wait` is told what still answers.
    """
    while (reached := answering(probes)) and time.monotonic() < deadline:
        on_wait(reached)
        time.sleep(LOOK_SECONDS)
    return reached


def answering(probes: Sequence[tuple[str, int]]) -> list[str]:
    """Return which addresses take a connection now, as `host:port`."""
    if not probes:
        return []
    with ThreadPoolExecutor(len(probes)) as threads:
        answers = list(threads.map(_connects, probes))
    return [f"{host}:{port}" for (host, port), answers_now in zip(probes, answers, strict=True) if answers_now]


def _connects(probe: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(probe, CONNECT_SECONDS):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def watching(probes: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Go on looking, and yield the list that what can be reached comes into: the cluster's API may have been away."""
    found: list[str] = []
    has_ended = threading.Event()

    def look() -> None:
        while not has_ended.wait(LOOK_SECONDS):
            found.extend(name for name in answering(probes) if name not in found)

    threading.Thread(target=look, daemon=True).start()
    try:
        yield found
    finally:
        has_ended.set()


def _teller() -> Callable[[Sequence[str]], None]:
    """Return what says, now and then, that the pod waits for its rules."""
    next_at = time.monotonic()

    def tell(reached: Sequence[str]) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + TELL_SECONDS
            names = ", ".join(reached)
            print(f"The pod still reaches {names}: network policies are not yet in force for it.", flush=True)

    return tell


def _open(reached: Sequence[str], when: str) -> str:
    return f"The pod reaches {', '.join(reached)} {when}: network policies are not enforced for it. Nothing is graded."


def addresses(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Return `host:port` texts as what `answering` takes."""
    return [(host, int(port)) for host, _, port in (text.rpartition(":") for text in texts)]


def _probes() -> list[tuple[str, int]]:
    given = addresses([text for text in os.environ.get(PROBES_VARIABLE, "").split(",") if text])
    cluster = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    api = [(cluster[0], int(cluster[1]))] if cluster[0] else []
    return api + given


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
