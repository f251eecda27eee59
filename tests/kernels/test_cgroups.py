"""Control groups: found where they are ours to make, and kept to; version 2 on files that stand for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from kernels import ForkServer, Limits, limit_enforcement, open_session
from kernels._forked import cgroups

V2_FILES = {"memory.max": "max", "memory.peak": "7340032", "memory.events": "oom 1\noom_kill 0\n", "pids.max": "max"}
V2_FILES |= {"cpu.max": "max 100000", "memory.oom.group": "0", "memory.swap.max": "max"}
V1_FILES = {
    "memory": {"memory.limit_in_bytes": "", "memory.oom_control": "oom_kill 0\n", "memory.max_usage_in_bytes": "99"},
    "pids": {"pids.max": "max"},
    "cpu": {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"},
}


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A `/proc` and hierarchies in which a new folder has the files that the system would make."""
    made, removed = os.mkdir, os.rmdir

    def mkdir(path: str, mode: int = 0o777) -> None:
        made(path, mode)
        controller = next((name for name in V1_FILES if f"/{name}/" in str(path)), "")
        for name, text in (V1_FILES[controller] if controller else V2_FILES).items():
            (Path(path) / name).write_text(text)
        (Path(path) / "cgroup.procs").write_text("")

    def rmdir(path: str) -> None:
        if (Path(path) / "cgroup.procs").read_text():
            raise OSError(16, "busy")
        for file in Path(path).iterdir():
            file.unlink()
        removed(path)

    def prepare(own: str, mounts: dict[str, str]) -> Path:
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "cgroup").write_text(own)
        lines = [f"30 20 0:2{i} / {tmp_path}{p} rw - {kind}" for i, (p, kind) in enumerate(mounts.items())]
        (tmp_path / "self" / "mountinfo").write_text("\n".join(lines) + "\n")
        for point in mounts:
            (tmp_path / point.strip("/")).mkdir(parents=True)
        monkeypatch.setattr(os, "mkdir", mkdir)
        monkeypatch.setattr(os, "rmdir", rmdir)
        return tmp_path

    return prepare


def test_version_2_makes_a_group_with_bounds(pretend: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    proc = pretend("0::/\n", {"/cg": "cgroup2 none rw"})
    monkeypatch.setattr(cgroups, "_delegated", lambda *_: ["memory", "pids", "cpu"])
    found = cgroups.find(str(proc))
    assert (found.version, sorted(found.folders)) == (2, ["cpu", "memory", "pids"])
    group = cgroups.create(found, 1, 1 << 30, 50, 1.5)
    assert group is not None
    folder = proc / "cg" / f"kernel-{os.getpid()}-1"
    assert {name: (folder / name).read_text() for name in ("memory.max", "pids.max", "cpu.max")} == {
        "memory.max": str(1 << 30),
        "pids.max": "50",
        "cpu.max": "150000 100000",
    }
    assert ((folder / "memory.oom.group").read_text(), (folder / "memory.swap.max").read_text()) == ("1", "0")
    assert (group.is_out_of_memory(), group.peak_memory_bytes()) == (False, 7340032)
    (folder / "memory.events").write_text("oom 2\noom_kill 3\n")
    assert group.is_out_of_memory()
    group.join()
    assert not group.remove()  # a process is in it
    (folder / "cgroup.procs").write_text("")
    assert group.remove()
    assert not folder.exists()


def test_version_1_uses_the_controllers_that_are_its_own(pretend: Callable[..., Path]) -> None:
    own = "3:memory:/somebody/elses\n2:pids:/\n1:cpu,cpuacct:/\n"
    mounts = {"/cg/memory": "cgroup none rw,memory", "/cg/pids": "cgroup none rw,pids", "/cg/cpu": "cgroup none rw,cpu"}
    proc = pretend(own, mounts)
    left = proc / "cg" / "pids" / "kernel-9-9"
    left.mkdir()
    new = proc / "cg" / "pids" / f"kernel-{os.getpid()}-9"
    new.mkdir()
    (proc / str(os.getpid())).mkdir()
    found = cgroups.find(str(proc))
    assert (found.version, sorted(found.folders)) == (1, ["cpu", "pids"])
    assert not left.exists()
    assert new.exists()  # of a process that lives, and may be about to fill it
    group = cgroups.create(found, 1, 1 << 30, 20, 0.5)
    assert group is not None
    assert (proc / "cg" / "cpu" / f"kernel-{os.getpid()}-1" / "cpu.cfs_quota_us").read_text() == "50000"
    assert (proc / "cg" / "pids" / f"kernel-{os.getpid()}-1" / "pids.max").read_text() == "20"
    assert not (proc / "cg" / "memory" / f"kernel-{os.getpid()}-1").exists()
    assert group.remove()


def test_no_groups_where_somebody_else_manages_them(pretend: Callable[..., Path]) -> None:
    proc = pretend("0::/user.slice/session\n", {"/cg/user.slice/session": "cgroup2 none rw"})
    found = cgroups.find(str(proc))
    assert (found.version, found.folders) == (0, {})
    assert "delegated" in found.reason
    assert cgroups.create(found, 1, 1, 1, 1) is None


REAL = limit_enforcement()


@pytest.mark.skipif("pids" not in REAL.controllers, reason=f"no control group for processes here: {REAL.reason}")
async def test_processes_of_a_kernel_are_counted_by_themselves(kernel_parent: ForkServer) -> None:
    source = (
        "import subprocess\nstarted = []\n"
        "try:\n    while len(started) < 60: started.append(subprocess.Popen(['sleep', '60']))\n"
        "except OSError as error: print('stopped', error.errno)\n"
        "for process in started: process.kill()\nlen(started) < 30"
    )
    cell, where = new_code_cell(source), new_code_cell("print(open('/proc/self/cgroup').read())")
    limits = Limits(processes=30, cpu_cores=0.5, cell_timeout_seconds=30)
    async with open_session(mode="kernel", limits=limits) as session:
        await session.run_cell(where)
        name = next(line for line in where.outputs[0].text.split() if "pids" in line or "0::" in line).split(":")[-1]
        assert "/kernel-" in name
        assert (await session.run_cell(cell)).status == "ok"
        async with open_session(mode="kernel", limits=limits) as other:
            assert (await other.run_cell(new_code_cell("import subprocess; subprocess.run('true')"))).status == "ok"
    assert cell.outputs[0].text == "stopped 11\n"
    assert cell.outputs[1].data["text/plain"] == "True"
    assert not list(Path("/sys/fs/cgroup").glob(f"*{name}"))


def own_memory_group() -> Path | None:
    """A group for memory (version 1) below this process's own, called as the platform's are, where one can be made."""
    own = next(
        (line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().split() if ":memory:" in line), ""
    )
    folder = Path(f"/sys/fs/cgroup/memory{own.rstrip('/')}/collegium")
    try:
        folder.mkdir()
        return folder
    except OSError:
        return None


TOGETHER_TOO_MUCH = """
import asyncio, os, sys
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from nbformat.v4 import new_code_cell
from kernels import ForkServer, Limits, limit_enforcement, open_session
from kernels.preloads import KERNEL_PRELOAD, KERNEL_REHEARSAL, KERNEL_TARGETS

cell = new_code_cell('''
import subprocess, sys
each = "import time; data = bytearray(150 << 20); time.sleep(5)"
started = [subprocess.Popen([sys.executable, "-c", each]) for _ in range(4)]
print(sorted(process.wait() for process in started)[0])
''')

async def main():
    parent = ForkServer(
        preload=KERNEL_PRELOAD, target=KERNEL_TARGETS, rehearsal=KERNEL_REHEARSAL, python=sys.executable
    )
    assert "memory" in limit_enforcement().controllers
    async with open_session(mode="kernel", limits=Limits(memory_bytes=400 << 20)) as session:
        await session.run_cell(cell)
        print(session.death.kind if session.death else cell.outputs[0].text)
    parent.stop()

asyncio.run(main())
"""


def test_memory_of_all_that_a_kernel_starts_is_counted_together(tmp_path: Path) -> None:
    """Each of four processes takes less than the bound, which is all that resource limits see."""
    folder = own_memory_group()
    if folder is None:
        pytest.skip("no control group for memory can be made here")
    try:
        command = [sys.executable, "-c", TOGETHER_TOO_MUCH, str(folder)]
        env = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path)}  # with a parent of its own, which is in the group
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)
        # the system chooses whom it ends: the kernel, or one of what it started
        assert done.stdout.strip() in ("out-of-memory", str(-signal.SIGKILL)), done.stderr[-2000:]
    finally:
        for processes in folder.rglob("cgroup.procs"):  # of a run that failed
            for pid in map(int, processes.read_text().split()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 180
        while folder.is_dir() and time.monotonic() < deadline:
            for group in (*folder.glob("kernel-*"), folder):
                with contextlib.suppress(OSError):
                    group.rmdir()
            time.sleep(0.1)
    assert not folder.exists()
