"""The set-up: steps are skipped when nothing changed, done again when they were interrupted, and fail with words."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

INSTALL = Path(__file__).parents[2] / "deploy" / "setup" / "install.py"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("collegium_install", INSTALL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "collegium_install", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STAMPS", tmp_path / "stamps")
    return module


@pytest.fixture
def made() -> list[str]:
    return []


def step(install: ModuleType, made: list[str], name: str, inputs: Callable[[], str] = lambda: "1") -> object:
    return install.Step(name, f"Making {name}", inputs, lambda: made.append(name))


def test_a_second_run_does_nothing(install: ModuleType, made: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    todo = [step(install, made, "a"), step(install, made, "b")]
    install.run(todo)
    assert "[1/2] Making a" in capsys.readouterr().out
    install.run(todo)
    assert made == ["a", "b"]
    assert capsys.readouterr().out == ""


def test_only_the_step_whose_input_changed_is_done_again(install: ModuleType, made: list[str]) -> None:
    version = "1"
    todo = [step(install, made, "a"), step(install, made, "b", lambda: version)]
    install.run(todo)
    version = "2"
    install.run(todo)
    assert made == ["a", "b", "b"]


def test_a_step_is_done_again_after_one_that_undoes_it(install: ModuleType, made: list[str]) -> None:
    version = "1"

    def sync() -> None:
        made.append("packages")
        if version == "2":
            raise KeyboardInterrupt

    def todo() -> list[object]:
        installed = install.Step(
            "platform", "Installing", lambda: "1", lambda: made.append("platform"), (), ("packages",)
        )
        return [install.Step("packages", "Packages", lambda: version, sync), installed]

    install.run(todo())
    version = "2"
    with pytest.raises(KeyboardInterrupt):
        install.run(todo())
    version = "3"
    install.run(todo())
    assert made == ["packages", "platform", "packages", "packages", "platform"]


def test_another_python_makes_all_that_is_in_the_environment_again(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "VENV", tmp_path)
    todo = install.steps(dev=False)
    for one in todo:
        for path in one.makes:
            if path.is_relative_to(tmp_path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        install.STAMPS.mkdir(exist_ok=True)
        install.stamp(one).write_text(one.inputs())
    install.stamp(todo[0]).write_text("3.10")
    pending = {one.name for one in install.pending_of(todo)}
    assert {"venv", "uv", "packages", "collegium", "kernelspec"} <= pending


def test_an_interrupted_step_is_done_again_and_finished_ones_are_kept(install: ModuleType, made: list[str]) -> None:
    def interrupted() -> None:
        made.append("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.run([step(install, made, "a"), install.Step("b", "Making b", lambda: "1", interrupted)])
    install.run([step(install, made, "a"), step(install, made, "b")])
    assert made == ["a", "half", "b"]


def test_a_step_that_is_broken_while_it_is_redone_does_not_count_as_done(install: ModuleType, made: list[str]) -> None:
    install.run([step(install, made, "a")])

    def fails() -> None:
        raise install.SetupError("no disk")

    with pytest.raises(install.SetupError):
        install.run([install.Step("a", "Making a", lambda: "2", fails)])
    install.run([step(install, made, "a")])  # back to the old input: what it made is not trusted
    assert made == ["a", "a"]


def test_what_a_step_made_and_is_gone_is_made_again(install: ModuleType, made: list[str], tmp_path: Path) -> None:
    product = tmp_path / "product"

    def make() -> None:
        made.append("a")
        product.touch()

    todo = [install.Step("a", "Making a", lambda: "1", make, (product,))]
    install.run(todo)
    product.unlink()
    install.run(todo)
    assert made == ["a", "a"]


def test_a_failing_program_is_named_with_the_end_of_what_it_said(install: ModuleType) -> None:
    code = "import sys; [print(i) for i in range(100)]; print('the reason', file=sys.stderr); sys.exit(3)"
    with pytest.raises(install.SetupError) as error:
        install.call([sys.executable, "-c", code])
    assert "exit status 3" in str(error.value)
    assert "the reason" in str(error.value)
    assert "\n10\n" not in str(error.value)


def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; from collections import namedtuple; "
        "V = namedtuple('V', 'major minor micro releaselevel serial'); "
        "sys.version_info = V(3, 10, 0, 'final', 0); sys.argv = ['x']; "
        f"runpy.run_path({str(INSTALL)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Traceback" not in done.stderr
