"""Control groups: found where they are ours to make, and kept to; version 2 and memory on files that stand for them."""

from __future__ import annotations

import os
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
    group = cgroups.create(found, "1", 1 << 30, 50, 1.5)
    assert group is not None
    folder = proc / "cg" / "kernel-1"
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
    found = cgroups.find(str(proc))
    assert (found.version, sorted(found.folders)) == (1, ["cpu", "pids"])
    assert not left.exists()
    group = cgroups.create(found, "1", 1 << 30, 20, 0.5)
    assert group is not None
    assert (proc / "cg" / "cpu" / "kernel-1" / "cpu.cfs_quota_us").read_text() == "50000"
    assert (proc / "cg" / "pids" / "kernel-1" / "pids.max").read_text() == "20"
    assert not (proc / "cg" / "memory" / "kernel-1").exists()
    assert group.remove()


def test_no_groups_where_somebody_else_manages_them(pretend: Callable[..., Path]) -> None:
    proc = pretend("0::/user.slice/session\n", {"/cg/user.slice/session": "cgroup2 none rw"})
    found = cgroups.find(str(proc))
    assert (found.version, found.folders) == (0, {})
    assert "delegated" in found.reason
    assert cgroups.create(found, "1", 1, 1, 1) is None


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
