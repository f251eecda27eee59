"""Jupyter's own programs get forked kernels without knowing, and a kernel always starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbclient
import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_code_cell, new_notebook

from kernels import ForkServer, install_kernelspec, run_notebook_sync
from kernels.kernel_limits import limits_from_profile
from kernels.kernelspec import PROVISIONER_NAME
from kernels.provisioner import ForkProvisioner

pytestmark = pytest.mark.usefixtures("kernel_parent")


@contextmanager
def kernel(name: str = "python3", **options: Any) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel started as any program would."""
    manager = KernelManager(kernel_name=name, **options.pop("traits", {}))
    manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=180)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client: BlockingKernelClient, source: str) -> str:
    texts: list[str] = []

    def collect(message: dict[str, Any]) -> None:
        texts.append(message["content"].get("text", "") + message["content"].get("evalue", ""))

    client.execute_interactive(source, timeout=180, output_hook=collect)
    return "".join(texts)


def provisioner_of(manager: KernelManager) -> ForkProvisioner:
    assert isinstance(manager.provisioner, ForkProvisioner)
    return manager.provisioner


def variant(folder: Path, name: str, **config: object) -> str:
    """A kernelspec like ours, with other settings of its provisioner."""
    path = install_kernelspec(folder, name=name) / "kernel.json"
    spec = json.loads(path.read_text())
    spec["metadata"]["kernel_provisioner"]["config"].update(config)
    path.write_text(json.dumps(spec))
    return name


def test_kernelspec_is_listed() -> None:
    spec = KernelSpecManager().get_kernel_spec("python3")
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "collegium-fork"
    assert spec.metadata["supported_encryption"] == ["curve"]


def test_kernel_is_forked_over_local_sockets(kernel_parent: ForkServer) -> None:
    with kernel() as (manager, client):
        assert provisioner_of(manager).forked
        assert manager.transport == "ipc"
        status = kernel_parent.status()
        assert status is not None
        assert provisioner_of(manager).pid in status.children
        assert printed(client, "import numpy; print(numpy.ones(2).sum())") == "2.0\n"


def test_nbclient_gets_a_forked_kernel(kernel_parent: ForkServer) -> None:
    before = kernel_parent.start().forked
    document = new_notebook(cells=[new_code_cell("print(6 * 7)")])
    nbclient.execute(document, kernel_name="python3")
    assert document.cells[0].outputs[0].text == "42\n"
    assert kernel_parent.start().forked == before + 1


def test_papermill_gets_a_forked_kernel(kernel_parent: ForkServer, tmp_path: Path) -> None:
    before = kernel_parent.start().forked
    document = new_notebook(
        cells=[new_code_cell("x = 1", metadata={"tags": ["parameters"]}), new_code_cell("print(x)")]
    )
    document.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(document, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "-p", "x", "5", "--no-progress-bar"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert done.cells[-1].outputs[0].text == "5\n"
    assert kernel_parent.start().forked == before + 1


def test_restart_and_interrupt_work() -> None:
    with kernel() as (manager, client):
        first = provisioner_of(manager).pid
        printed(client, "x = 1")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=180)
        assert provisioner_of(manager).pid != first
        assert "not defined" in printed(client, "x")
        message_id = client.execute("import time; print('runs', flush=True); time.sleep(600)")
        while client.get_iopub_msg(timeout=180)["msg_type"] != "stream":
            continue
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=180)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = client.get_shell_msg(timeout=180)
        assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_kernels_draw_different_random_numbers() -> None:
    source = "import random, numpy, sympy.core.random as s\nprint(random.random(), numpy.random.rand(), s.random())"
    drawn: list[list[str]] = []
    for _ in range(2):
        with kernel() as (_manager, client):
            drawn.append(printed(client, source).split())
    assert all(first != second for first, second in zip(*drawn, strict=True))


def test_numerical_libraries_have_their_threads_back() -> None:
    source = (
        "import ctypes\n"
        "path = next(l.split()[5] for l in open('/proc/self/maps') if 'numpy.libs' in l and 'openblas' in l)\n"
        "print(ctypes.CDLL(path).scipy_openblas_get_num_threads64_())"
    )
    with kernel(env=dict(os.environ, OPENBLAS_NUM_THREADS="2")) as (_manager, client):
        assert printed(client, source) == "2\n"


def test_module_of_the_user_wins_over_a_preloaded_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "handcalc.py").write_text("whose = 'mine'\n")
    with kernel(cwd=str(tmp_path)) as (_manager, client):
        assert printed(client, "import handcalc; print(handcalc.whose)") == "mine\n"


def test_compiled_mathematics_is_ready(kernel_parent: ForkServer) -> None:
    assert {"handcalc", "kernels.math"} <= set(kernel_parent.start().modules)


def test_other_package_named_kernels_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("raise RuntimeError('imported before anybody asked')")
    environment = dict(os.environ, PYTHONPATH=str(tmp_path))
    server = ForkServer(
        preload=["json", "kernels.math"], target="_collegium_fork.kernel:main", runtime_dir=tmp_path / "run",
        environment=environment,
    )  # fmt: skip
    status = server.start()
    server.stop()
    assert status.missing["kernels.math"] == "another package has its name"


def test_users_own_kernels_module_wins(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("whose = 'of PyPI'\n")
    with kernel(cwd=str(tmp_path)) as (_manager, client):
        assert printed(client, "import kernels; print(kernels.whose)") == "of PyPI\n"


@pytest.mark.parametrize(
    ("config", "reason"),
    [({"enabled": False}, "disabled"), ({"preload": ["numpy"]}, "")],
    ids=["disabled", "other list"],
)
def test_kernel_starts_cold_when_told_to(jupyter_folders: Path, config: dict[str, object], reason: str) -> None:
    with kernel(variant(jupyter_folders, "variant", **config)) as (manager, client):
        assert printed(client, "print(1)") == "1\n"
        assert provisioner_of(manager).forked is (not reason)
        assert reason in provisioner_of(manager).cold_reason


def test_cold_kernel_has_limits_and_a_reason_of_its_end_too(jupyter_folders: Path) -> None:
    with kernel(variant(jupyter_folders, "bounded", enabled=False, limits={"open_files": 99})) as (manager, client):
        assert printed(client, "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))") == "(99, 99)\n"
        client.execute("import os; os.kill(os.getpid(), 9)")
        deadline = time.monotonic() + 180
        while manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        death = provisioner_of(manager).last_death
        assert death is not None
        assert (death.kind, death.message) == ("killed", "The kernel was ended by SIGKILL from outside.")


@pytest.mark.skipif(not Path("/usr/share/jupyter/kernels/ir").exists(), reason="IRkernel is not installed")
def test_r_notebook_runs_cold_with_parameters_plots_and_limits(jupyter_folders: Path) -> None:
    folder = jupyter_folders / "share" / "jupyter" / "kernels" / "r"
    folder.mkdir(parents=True, exist_ok=True)
    spec = json.loads(Path("/usr/share/jupyter/kernels/ir/kernel.json").read_text())
    config = {"limits": {"cpu_seconds": 300, "open_files": 200}}
    spec["metadata"] = {"kernel_provisioner": {"provisioner_name": PROVISIONER_NAME, "config": config}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    document = new_notebook(cells=[new_code_cell(f"x <- seq_len({n}) * factor") for n in (3,)])
    document.cells += [new_code_cell("mean(x)"), new_code_cell("plot(x)"), new_code_cell("stop('no more')")]
    document.metadata["kernelspec"] = {"name": "r", "language": "R", "display_name": "R"}
    run = run_notebook_sync(document, parameters={"factor": 2.5})
    assert [cell.status for cell in run.cells] == ["ok", "ok", "ok", "ok", "error"]
    assert not run.forked
    assert run.notebook.cells[2].outputs[0].data["text/plain"] == "[1] 5"
    assert "image/png" in run.notebook.cells[3].outputs[0].data
    assert run.failed_cell is not None
    assert "no more" in run.notebook.cells[4].outputs[0].evalue


def test_kernel_starts_cold_when_the_parent_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    # not below pytest's folder: another place is taken where the path of a socket would be too long
    with TemporaryDirectory(prefix="cold-") as runtime:
        folder = Path(runtime) / "forkserver"
        folder.mkdir()
        folder.chmod(0o755)
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", runtime)
        with kernel() as (manager, client):
            assert printed(client, "print(1)") == "1\n"
            assert not provisioner_of(manager).forked
            assert "0700" in provisioner_of(manager).cold_reason


def test_tcp_means_encryption(jupyter_folders: Path) -> None:
    with kernel(variant(jupyter_folders, "over-tcp", transport="tcp")) as (manager, client):
        assert manager.transport == "tcp"
        assert manager.curve_publickey
        assert provisioner_of(manager).forked
        assert printed(client, "print(1)") == "1\n"


def test_profile_limits_a_kernel(jupyter_folders: Path) -> None:
    limits = {"memory_bytes": 200 << 20, "open_files": 128}
    with kernel(variant(jupyter_folders, "limited", limits=limits)) as (_manager, client):
        assert "MemoryError" in printed(
            client, "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('MemoryError')"
        )
        assert printed(client, "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])") == "128\n"


def test_unknown_limit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="memory_gigabytes"):
        limits_from_profile({"memory_gigabytes": 1})


def test_output_goes_where_the_starter_says(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log, kernel(stderr=log) as (_manager, client):
        printed(client, "import sys; print('to the log', file=sys.__stderr__, flush=True)")
    assert "to the log" in (tmp_path / "log").read_text()
    with kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as (manager, _client):
        assert provisioner_of(manager).forked
