"""A preloaded parent forks children that look like processes of their own."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from kernels import ForkServer, ForkServerError
from kernels.forkserver import SpawnLimits


def test_child_runs_the_target_with_its_arguments(small_parent: ForkServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = small_parent.spawn(["print(arguments)", "a", "b"], stdout=out)
    assert child.wait(timeout=180) == 0
    assert out.read_text() == "['a', 'b']\n"


def test_child_leads_its_own_session_in_the_folder_and_environment_it_was_given(
    small_parent: ForkServer, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    source = "import os, json; print(json.dumps([os.getsid(0) == os.getpid(), os.getcwd(), dict(os.environ)]))"
    small_parent.spawn([source], stdout=out, cwd=tmp_path, env={"ONLY": "this"}).wait(timeout=180)
    leads, folder, environment = json.loads(out.read_text())
    assert leads
    assert Path(folder) == tmp_path
    assert environment == {"ONLY": "this"}


def test_exit_code_and_signal_are_reported(small_parent: ForkServer) -> None:
    assert small_parent.spawn(["raise SystemExit(7)"]).wait(timeout=180) == 7
    killed = small_parent.spawn(["import time; time.sleep(600)"])
    killed.kill()
    assert killed.wait(timeout=180) == -signal.SIGKILL
    assert killed.exit is not None
    assert killed.exit.cpu_seconds is not None


def test_crash_is_reported_with_the_python_stack(small_parent: ForkServer) -> None:
    source = "import os, signal\ndef culprit():\n    os.kill(os.getpid(), signal.SIGSEGV)\nculprit()"
    child = small_parent.spawn([source])
    assert child.wait(timeout=180) == -signal.SIGSEGV
    assert child.exit is not None
    assert "culprit" in child.exit.crash_traceback


def test_children_draw_different_random_numbers(small_parent: ForkServer, tmp_path: Path) -> None:
    drawn = []
    for number in range(3):
        out = tmp_path / str(number)
        small_parent.spawn(["import random; print(random.random())"], stdout=out).wait(timeout=180)
        drawn.append(out.read_text())
    assert len(set(drawn)) == 3


def test_child_has_no_descriptors_but_those_it_was_given(small_parent: ForkServer, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    source = (
        "import os\n"
        "numbers = [n for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.lexists(f'/proc/self/fd/{n}')]\n"
        "os.write(int(arguments[0]), repr([os.readlink(f'/proc/self/fd/{n}') for n in numbers]).encode())"
    )
    child = small_parent.spawn([source, "{descriptor:0}"], descriptors=[writer])
    os.close(writer)
    child.wait(timeout=180)
    with os.fdopen(reader) as stream:
        names = eval(stream.read())
    kinds = sorted(name.partition(":")[0] for name in names)
    assert kinds == ["/memfd", "pipe"]


def test_child_is_killed_when_its_owner_lets_go(small_parent: ForkServer) -> None:
    child = small_parent.spawn(["import time; time.sleep(600)"])
    process = psutil.Process(child.pid)
    child.close()
    assert psutil.wait_procs([process], timeout=180)[1] == []


def test_surviving_child_can_be_attached_to_and_reports_its_end(small_parent: ForkServer) -> None:
    child = small_parent.spawn(["import time; time.sleep(600)"], survive=True)
    child.close()
    time.sleep(0.2)
    assert psutil.pid_exists(child.pid)
    with pytest.raises(ForkServerError):
        small_parent.attach(child.pid, "0" * 32)
    again = small_parent.attach(child.pid, child.token)
    assert again.poll() is None
    again.terminate()
    assert again.wait(timeout=180) == -signal.SIGTERM


def test_end_that_nobody_watched_is_reported_at_attachment(small_parent: ForkServer) -> None:
    child = small_parent.spawn(["import time; time.sleep(0.3); raise SystemExit(3)"], survive=True)
    process = psutil.Process(child.pid)
    child.close()
    psutil.wait_procs([process], timeout=180)
    time.sleep(0.2)
    assert small_parent.attach(child.pid, child.token).wait(timeout=180) == 3


def test_daemons_a_child_leaves_behind_are_killed(small_parent: ForkServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "time.sleep(0.3)"
    )
    small_parent.spawn([source], stdout=out).wait(timeout=180)
    daemon = int(out.read_text())
    deadline = time.monotonic() + 180
    while psutil.pid_exists(daemon) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(daemon)


def test_resource_limits_hold(small_parent: ForkServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = (
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "try:\n    bytearray(400 << 20)\nexcept MemoryError:\n    print('refused')"
    )
    limits = SpawnLimits({"NOFILE": (64, 64)}, data_growth_bytes=100 << 20)
    small_parent.spawn([source], stdout=out, limits=limits).wait(timeout=180)
    assert out.read_text() == "64\nrefused\n"


def test_parent_holds_no_variable_of_its_starter(tmp_path: Path) -> None:
    environment = dict(os.environ, SECRET_TOKEN="s3cret", PYTHONPATH=str(Path(__file__).parent))
    server = ForkServer(target="child_targets:run", runtime_dir=tmp_path / "run", environment=environment)
    status = server.start()
    assert b"s3cret" not in Path(f"/proc/{status.pid}/environ").read_bytes()
    server.stop()


def test_parent_is_single_threaded_and_leaves_out_a_module_that_starts_a_thread(tmp_path: Path) -> None:
    (tmp_path / "threaded_module.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    environment = dict(os.environ, PYTHONPATH=f"{tmp_path}:{Path(__file__).parent}")
    server = ForkServer(
        preload=["threaded_module", "decimal"],
        target="child_targets:run",
        runtime_dir=tmp_path / "run",
        environment=environment,
    )
    status = server.start()
    assert psutil.Process(status.pid).num_threads() == 1
    assert "threaded_module" in status.missing
    assert "decimal" in status.modules
    assert server.spawn(["import threaded_module"], env=environment).wait(timeout=180) == 0
    server.stop()


def test_parent_is_replaced_when_a_package_is_installed(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    environment = dict(os.environ, PYTHONPATH=f"{site}:{Path(__file__).parent}")
    server = ForkServer(target="child_targets:run", runtime_dir=tmp_path / "run", environment=environment)
    first = server.start()
    assert server.spawn(["pass"]).wait(timeout=180) == 0
    (site / "new_package-1.0.dist-info").mkdir()
    assert server.spawn(["pass"]).wait(timeout=180) == 0
    second = server.start()
    assert second.pid != first.pid
    server.stop()


def test_parent_that_was_killed_is_started_again(small_parent: ForkServer) -> None:
    first = small_parent.start()
    psutil.Process(first.pid).kill()
    assert small_parent.spawn(["pass"]).wait(timeout=180) == 0
    assert small_parent.start().pid != first.pid


def test_idle_parent_ends_by_itself(tmp_path: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent))
    server = ForkServer(
        target="child_targets:run", runtime_dir=tmp_path / "run", idle_seconds=0.5, environment=environment
    )
    process = psutil.Process(server.start().pid)
    assert psutil.wait_procs([process], timeout=180)[1] == []
    assert not server.socket_path.exists()


def test_runtime_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    with pytest.raises(ForkServerError, match="0700"):
        ForkServer(target="child_targets:run", runtime_dir=folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_connection_of_another_user_is_refused(small_parent: ForkServer) -> None:
    small_parent.start()
    small_parent.socket_path.chmod(0o777)
    small_parent.socket_path.parent.chmod(0o777)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            folder = os.open(small_parent.socket_path.parent, os.O_RDONLY)
            os.setuid(65534)
            os.fchdir(folder)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(small_parent.socket_path.name)
                os.write(writer, connection.recv(10) or b"closed")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b"closed"
    os.waitpid(pid, 0)
    small_parent.socket_path.parent.chmod(0o700)


def test_nonsense_on_the_socket_harms_nobody(small_parent: ForkServer) -> None:
    small_parent.start()
    for garbage in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x05hello", b"\x00"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(small_parent.socket_path))
            connection.sendall(garbage)
    assert small_parent.spawn(["pass"]).wait(timeout=180) == 0


def test_many_children_leave_nothing_behind(small_parent: ForkServer) -> None:
    before = small_parent.start()
    gc.collect()  # closes what earlier tests left
    mine = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(200):
        assert small_parent.spawn(["pass"]).wait(timeout=180) == 0
    after = small_parent.start()
    assert after.children == ()
    assert after.descriptors == before.descriptors
    assert len(list(Path("/proc/self/fd").iterdir())) <= mine


def test_child_of_a_parent_that_was_replaced_can_be_attached_to(small_parent: ForkServer) -> None:
    child = small_parent.spawn(["import time; time.sleep(600)"], survive=True)
    child.close()
    first = small_parent.start()
    small_parent.stop()
    assert small_parent.start().pid != first.pid
    again = small_parent.attach(child.pid, child.token)
    again.kill()
    assert again.wait(timeout=180) == -signal.SIGKILL
