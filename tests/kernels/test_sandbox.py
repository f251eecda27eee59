"""Attacks on the sandbox: each is carried out by a cell, and each is stopped.

A cell prints `escaped` when its attack worked and `stopped` when it did not.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from kernels import (
    Barrier,
    ForkServer,
    ForkServerError,
    KernelStartError,
    Limits,
    NotebookRun,
    RunMode,
    SandboxError,
    SandboxPolicy,
    open_session,
    run_notebook_sync,
)
from kernels.policy import ALL_BARRIERS
from kernels.short_kernel import short_fork_server

LIMITS = Limits(
    cell_timeout_seconds=20,
    interrupt_grace_seconds=1,
    memory_bytes=300 << 20,
    disk_bytes=16 << 20,
    processes=32,
    cpu_seconds=20,
)
HELPERS = """
import ctypes, errno, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def tell(worked):
    print('escaped' if worked else 'stopped')
def attempt(action):
    try:
        tell(action() not in (-1, None, False))
    except (OSError, MemoryError, subprocess.SubprocessError) as error:
        print('stopped:', type(error).__name__)
def listing(path):
    try:
        return os.listdir(path)
    except OSError:
        return []
"""


@pytest.fixture(scope="module", autouse=True)
def parent(jupyter_folders: Path, kernel_parent: ForkServer) -> Iterator[ForkServer]:
    server = short_fork_server()
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True, params=["short", "kernel"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RunMode:
    """Every attack is made in both modes."""
    chosen: RunMode = request.param
    monkeypatch.setitem(_MODE, "mode", chosen)
    return chosen


_MODE: dict[str, RunMode] = {}


def sandboxed(*sources: str, limits: Limits = LIMITS, policy: SandboxPolicy | None = None) -> NotebookRun:
    document = new_notebook(cells=[new_code_cell(source) for source in (HELPERS, *sources)])
    return run_notebook_sync(document, mode=_MODE["mode"], limits=limits, sandbox=policy or SandboxPolicy())


def said(run: NotebookRun) -> str:
    texts = [o.get("text", "") + o.get("evalue", "") for cell in run.notebook.cells for o in cell.outputs]
    return "".join(texts)


def assert_stopped(run: NotebookRun) -> None:
    assert "escaped" not in said(run)
    assert "stopped" in said(run), said(run)


def test_all_barriers_stand_on_this_machine() -> None:
    run = sandboxed("1")
    assert run.status == "ok"
    assert run.sandbox is not None
    assert run.sandbox.missing == {}
    assert run.sandbox.barriers == ALL_BARRIERS


def test_science_works_inside() -> None:
    run = sandboxed(
        "import numpy as np, scipy.linalg, sympy, pandas as pd, matplotlib.pyplot as plt",
        "print(np.linalg.solve(np.eye(300), np.ones(300)).sum(), sympy.integrate(sympy.Symbol('x')))",
        "plt.plot([1, 2]); plt.show()",
        "pd.DataFrame({'a': [1]}).to_csv('a.csv'); open('/tmp/b', 'w').write('b'); print(open('a.csv').read())",
        "from concurrent.futures import ThreadPoolExecutor\nprint(list(ThreadPoolExecutor(4).map(abs, [-1, -2])))",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-3]))",
        "!echo shell works",
        "print(subprocess.run(['echo', 'child works'], capture_output=True, text=True, check=True).stdout)",
    )
    assert run.status == "ok", said(run)
    assert "shell works" in said(run)
    assert "child works" in said(run)


def test_files_of_the_policy_lie_in_the_private_folder() -> None:
    policy = SandboxPolicy(files={"data/a.csv": b"x\n1\n"}, environment={"COURSE": "algebra"})
    run = sandboxed("print(open('data/a.csv').read(), os.environ['COURSE'])", policy=policy)
    assert "x\n1\n algebra" in said(run)


def test_readable_path_is_readable_and_not_writable(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    tmp_path.chmod(0o755)
    (tmp_path / "given").chmod(0o666)
    run = sandboxed(
        f"print(open('{tmp_path}/given').read())",
        f"attempt(lambda: open('{tmp_path}/given', 'w').write('x'))",
        policy=SandboxPolicy(readable=(str(tmp_path),)),
    )
    assert "given" in said(run)
    assert_stopped(run)
    assert (tmp_path / "given").read_text() == "given"


def test_reading_another_persons_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("answer key")
    secret.chmod(0o666)
    assert_stopped(sandboxed(f"attempt(lambda: open({str(secret)!r}).read())"))


def test_listing_the_home_folders_of_the_machine() -> None:
    run = sandboxed("print(sorted(listing('/home')), [n for n in listing('/root') if not n.startswith('.')])")
    assert "['kernel']" in said(run)


def test_reading_password_hashes() -> None:
    assert_stopped(sandboxed("attempt(lambda: open('/etc/shadow').read())"))


def test_writing_into_the_python_environment() -> None:
    assert_stopped(sandboxed("attempt(lambda: open(os.path.join(sys.prefix, 'planted.py'), 'w').write('x'))"))


def test_writing_into_the_root_folder() -> None:
    assert_stopped(sandboxed("attempt(lambda: open('/planted', 'w').write('x'))"))


def test_following_a_symbolic_link_out(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x")
    source = f"os.symlink('{tmp_path}/target', 'link')\nattempt(lambda: open('link').read())"
    assert_stopped(sandboxed(source))


def test_climbing_out_with_dots() -> None:
    run = sandboxed(
        "print('private' in os.listdir('/' + '../' * 40), sorted(os.listdir('../' * 40)) == sorted(os.listdir('/')))"
    )
    assert "False True" in said(run)


def test_descriptors_of_the_parent_are_closed() -> None:
    source = (
        "links = {fd: os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')"
        " if os.path.lexists(f'/proc/self/fd/{fd}')}\n"
        "harmless = ('/proc', '/dev', '/memfd')\n"
        "tell(any(path.startswith('/') and not path.startswith(harmless) for path in links.values()))"
    )
    assert_stopped(sandboxed(source))


def test_escape_through_a_descriptor_of_the_old_root() -> None:
    source = (
        "found = False\n"
        "for fd in range(256):\n"
        "    try:\n"
        "        os.fchdir(fd); found = True\n"
        "    except OSError:\n        pass\n"
        "tell(found)"
    )
    assert_stopped(sandboxed(source))


def test_environment_of_the_platform_is_not_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
    run = sandboxed("print(sorted(os.environ)); tell('t0ken' in str(os.environ))")
    assert_stopped(run)
    assert "JUPYTERHUB" not in said(run)


def test_environment_of_other_processes_is_not_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "t0ken-of-the-grader")
    source = (
        "texts = []\n"
        "for pid in filter(str.isdigit, listing('/proc')):\n"
        "    try:\n        texts.append(open(f'/proc/{pid}/environ', 'rb').read())\n"
        "    except OSError:\n        pass\n"
        "tell(b't0ken' in b''.join(texts))"
    )
    assert_stopped(sandboxed(source))


def test_no_other_process_is_visible() -> None:
    run = sandboxed("print('visible:', [p for p in listing('/proc') if p.isdigit()])")
    assert "visible: ['1']" in said(run)


def test_signalling_the_parent() -> None:
    source = f"attempt(lambda: os.kill({os.getpid()}, 0) or True)\nattempt(lambda: os.kill(os.getppid(), 9))"
    run = sandboxed(source)
    assert "escaped" not in said(run)
    assert run.status == "ok" or run.death is not None


def test_signalling_everybody() -> None:
    bystander = psutil.Popen(["sleep", "30"])
    try:
        sandboxed("attempt(lambda: os.kill(-1, 9))")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_tracing_another_process() -> None:
    assert_stopped(sandboxed(f"attempt(lambda: libc.ptrace(16, {os.getpid()}, 0, 0))"))


def test_tracing_even_its_own_child() -> None:
    source = (
        "child = subprocess.Popen(['sleep', '5'])\n"
        "attempt(lambda: libc.ptrace(16, child.pid, 0, 0))\n"
        "child.kill(); child.wait();"
    )
    assert_stopped(sandboxed(source))


def test_reading_the_memory_of_another_process() -> None:
    source = f"attempt(lambda: open('/proc/{os.getpid()}/mem', 'rb').read(1))"
    assert_stopped(sandboxed(source))


def test_connecting_to_the_machine_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        assert_stopped(sandboxed(f"attempt(lambda: socket.create_connection(('127.0.0.1', {port}), timeout=2))"))


def test_connecting_to_the_metadata_address() -> None:
    assert_stopped(sandboxed("attempt(lambda: socket.create_connection(('169.254.169.254', 80), timeout=2))"))


def test_sending_a_datagram() -> None:
    source = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nattempt(lambda: s.sendto(b'x', ('8.8.8.8', 53)))"
    assert_stopped(sandboxed(source))


@pytest.mark.parametrize("family", ["AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"])
def test_sockets_of_other_families(family: str) -> None:
    assert_stopped(sandboxed(f"attempt(lambda: socket.socket(socket.{family}, socket.SOCK_RAW))"))


def test_reaching_the_socket_of_the_preloaded_parent(parent: ForkServer) -> None:
    source = f"s = socket.socket(socket.AF_UNIX)\nattempt(lambda: s.connect({str(parent.socket_path)!r}) or True)"
    assert_stopped(sandboxed(source))


def test_reaching_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0collegium-test")
        server.listen()
        source = "s = socket.socket(socket.AF_UNIX)\nattempt(lambda: s.connect('\\0collegium-test') or True)"
        assert_stopped(sandboxed(source))


def test_fork_bomb() -> None:
    source = (
        "pids = []\n"
        "try:\n"
        "    while len(pids) < 500:\n"
        "        pid = os.fork()\n"
        "        if pid == 0:\n            import time; time.sleep(30); os._exit(0)\n"
        "        pids.append(pid)\n"
        "    print('escaped')\n"
        "except OSError:\n    print('stopped at', len(pids))"
    )
    before = len(psutil.pids())
    assert_stopped(sandboxed(source))
    assert len(psutil.pids()) < before + 20


def test_memory_beyond_the_limit() -> None:
    run = sandboxed("attempt(lambda: bytearray(1 << 30))", "print('goes on')")
    assert_stopped(run)
    assert "goes on" in said(run)


def test_filling_the_disk() -> None:
    source = (
        "def fill(path):\n"
        "    with open(path, 'wb') as f:\n"
        "        for _ in range(64):\n            f.write(bytes(1 << 20)); f.flush()\n"
        "    return True\n"
        "attempt(lambda: fill('big'))\nattempt(lambda: fill('/tmp/big'))\nattempt(lambda: fill('/dev/shm/big'))"
    )
    run = sandboxed(source)
    assert_stopped(run)
    assert said(run).count("stopped") == 3


def test_filling_the_disk_with_empty_files() -> None:
    source = (
        "def fill():\n    for i in range(200_000):\n        os.close(os.open(f'f{i}', os.O_CREAT))\n    return True\n"
        "attempt(fill)"
    )
    assert_stopped(sandboxed(source))


def test_endless_computation() -> None:
    run = sandboxed("while True: pass", limits=Limits(cpu_seconds=1, cell_timeout_seconds=300))  # wall
    assert run.status == "died"
    assert run.death is not None
    assert run.death.kind == "cpu-limit"


def test_cell_that_ignores_interrupts() -> None:
    source = (
        "import signal\nfor n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
    )
    limits = Limits(cell_timeout_seconds=1, interrupt_grace_seconds=0.5)
    began = time.monotonic()
    run = sandboxed(source, limits=limits)
    assert run.status == "timeout"
    assert time.monotonic() - began < 10


def test_leaving_a_daemon(parent: ForkServer) -> None:
    source = (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.execvp('sleep', ['sleep-of-the-daemon', '300'])\n"
        "    os._exit(0)\n"
        "os.wait(); print('stopped or not')"
    )
    sandboxed(source)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _running("sleep-of-the-daemon"):
        time.sleep(0.1)
    assert not _running("sleep-of-the-daemon")


def test_mounting() -> None:
    assert_stopped(sandboxed("attempt(lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))"))


def test_making_the_environment_writable_again() -> None:
    assert_stopped(sandboxed("attempt(lambda: libc.mount(b'none', b'/usr', None, 32 | 4096, None))"))


def test_unmounting() -> None:
    assert_stopped(sandboxed("attempt(lambda: libc.umount2(b'/usr', 2))"))


def test_changing_the_root() -> None:
    assert_stopped(sandboxed("attempt(lambda: os.chroot('/tmp') or True)"))


@pytest.mark.parametrize("flag", [0x10000000, 0x00020000, 0x20000000, 0x40000000])
def test_new_namespaces(flag: int) -> None:
    assert_stopped(sandboxed(f"attempt(lambda: libc.unshare({flag}))"))


def test_entering_other_namespaces() -> None:
    source = "fd = os.open('/proc/self/ns/net', os.O_RDONLY)\nattempt(lambda: libc.setns(fd, 0))"
    assert_stopped(sandboxed(source))


def test_new_user_namespace_by_command() -> None:
    assert_stopped(sandboxed("attempt(lambda: subprocess.run(['unshare', '-Ur', 'true'], check=True) or True)"))


def test_becoming_root() -> None:
    assert_stopped(sandboxed("attempt(lambda: os.setuid(0) or True)"))


def test_gaining_rights_through_a_set_user_id_program() -> None:
    source = (
        "result = subprocess.run(['su', '-c', 'id -u'], capture_output=True, text=True, stdin=subprocess.DEVNULL)\n"
        "tell(result.stdout.strip() == '0')"
    )
    assert_stopped(sandboxed(source))


def test_making_a_device() -> None:
    assert_stopped(sandboxed("attempt(lambda: os.mknod('disk', 0o60666, os.makedev(8, 0)) or True)"))


def test_writing_kernel_settings() -> None:
    assert_stopped(sandboxed("attempt(lambda: open('/proc/sys/kernel/hostname', 'w').write('mine'))"))


def test_reaching_control_groups() -> None:
    source = "tell(bool(listing('/sys/fs/cgroup')))\nattempt(lambda: os.mkdir('/sys/fs/cgroup/mine') or True)"
    assert_stopped(sandboxed(source))


def test_keys_of_the_kernel() -> None:
    assert_stopped(sandboxed("attempt(lambda: libc.syscall(250 if os.uname().machine == 'x86_64' else 219, 0, -3, 1))"))


def test_less_trodden_system_calls() -> None:
    source = (
        "numbers = (321, 298, 323, 425, 304, 310, 438) if os.uname().machine == 'x86_64' else (280, 241, 282)\n"
        "for number in numbers:\n    attempt(lambda: libc.syscall(number, 0, 0, 0, 0, 0))"
    )
    assert_stopped(sandboxed(source))


def test_system_calls_by_their_32_bit_numbers() -> None:
    assert_stopped(sandboxed("attempt(lambda: libc.syscall(0x40000000 + 101, 16, 1, 0, 0))"))


def test_removing_the_filter_or_the_limits() -> None:
    source = (
        "import resource\n"
        "hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]\n"
        "try:\n    resource.setrlimit(resource.RLIMIT_NPROC, (hard + 1, hard + 1)); tell(True)\n"
        "except (ValueError, OSError):\n    tell(False)\n"
        "tell(libc.prctl(38, 0, 0, 0, 0) == 0)"
    )
    assert_stopped(sandboxed(source))


def test_other_runs_are_not_reachable() -> None:
    first = "open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x'); open('left', 'w').write('x')"
    sandboxed(first)
    assert_stopped(sandboxed("tell(any(os.path.exists(p) for p in ('/tmp/left', '/dev/shm/left', 'left')))"))


def test_two_runs_at_once_do_not_see_each_other() -> None:
    results: list[NotebookRun] = []
    source = "import time; time.sleep(1); print('visible:', [p for p in listing('/proc') if p.isdigit()])"
    threads = [threading.Thread(target=lambda: results.append(sandboxed(source))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said(run).count("visible: ['1']") for run in results] == [1, 1]


async def test_evaluation_stays_in_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    async with open_session(mode="short", limits=LIMITS, sandbox=SandboxPolicy()) as session:
        result = await session.evaluate(f"open('{tmp_path}/secret').read()")
        assert result.status == "error"
        assert (await session.evaluate("while True: pass", timeout_seconds=1)).status == "timeout"
        assert (await session.evaluate("1 + 1")).value_text == "2"


def test_crash_is_told_from_inside_the_sandbox() -> None:
    run = sandboxed("def culprit():\n    ctypes.string_at(0)\nculprit()")
    assert run.death is not None
    assert run.death.kind == "segmentation-fault"
    assert "culprit" in run.death.traceback


def test_policy_that_the_machine_cannot_satisfy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from kernels import confinement, short_kernel

    def without_seccomp(content: dict[str, object]) -> object:
        report = original(content)
        return type(report)(report.barriers - {Barrier.SECCOMP}, {Barrier.SECCOMP: "not permitted"})

    original = short_kernel.sandbox_report
    monkeypatch.setattr(short_kernel, "sandbox_report", without_seccomp)
    monkeypatch.setattr(confinement, "sandbox_report", without_seccomp)
    with pytest.raises(SandboxError, match="seccomp filter"):
        sandboxed("1")
    relaxed = SandboxPolicy(minimum=ALL_BARRIERS - {Barrier.SECCOMP})
    assert sandboxed("1", policy=relaxed).status == "ok"


def test_kernel_that_cannot_be_forked_is_not_run_unprotected(jupyter_folders: Path) -> None:
    foreign = jupyter_folders / "share" / "jupyter" / "kernels" / "foreign"
    foreign.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (foreign / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Foreign", "language": "python"}))
    document = new_notebook(cells=[new_code_cell("1")])
    with pytest.raises(SandboxError, match="foreign"):
        run_notebook_sync(document, mode="kernel", kernel_name="foreign", sandbox=SandboxPolicy())


def test_kernel_whose_parent_cannot_fork_is_not_run_unprotected(monkeypatch: pytest.MonkeyPatch, mode: RunMode) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise ForkServerError("no parent today")

    monkeypatch.setattr(ForkServer, "spawn", refuse)
    with pytest.raises(SandboxError if mode == "kernel" else KernelStartError, match="no parent today"):
        sandboxed("1")


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", ""])
def test_policy_with_a_file_outside_the_private_folder_is_refused(name: str) -> None:
    with pytest.raises(SandboxError):
        sandboxed("1", policy=SandboxPolicy(files={name: b""}))


def _running(name: str) -> bool:
    return any(name in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


UNPRIVILEGED = """
import asyncio, ctypes, sys, kernels
from nbformat.v4 import new_code_cell, new_notebook
report = asyncio.run(kernels.probe_sandbox())
assert report.missing == {}, report.missing
assert report.barriers == frozenset(kernels.Barrier)
source = "import os; print(os.getpid(), [p for p in os.listdir('/proc') if p.isdigit()])"
document = new_notebook(cells=[new_code_cell(source), new_code_cell("import ctypes; ctypes.string_at(0)")])
run = kernels.run_notebook_sync(document, mode=sys.argv[1], sandbox=kernels.SandboxPolicy())
assert run.notebook.cells[0].outputs[0].text == "1 ['1']\\n", run.notebook.cells[0].outputs
assert run.death.kind == "segmentation-fault", run.death
print("all barriers, euid", __import__("os").geteuid())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests of this file ran without privileges already")
def test_user_without_privileges_gets_all_barriers_too(tmp_path: Path, mode: RunMode) -> None:
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable, "-c", UNPRIVILEGED, mode]
    environment = dict(os.environ, JUPYTER_RUNTIME_DIR=str(tmp_path / "run"))
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=180)
    if "unshare:" in result.stderr:
        pytest.skip(f"no user namespace to drop privileges in: {result.stderr}")
    assert result.stdout == "all barriers, euid 1000\n", result.stderr
