"""What `make` does before anything else: the environment, from locked packages, in this folder."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The set-up program for a project in ``tmp_path``, whose steps only write down that they ran."""
    monkeypatch.syspath_prepend(str(REQUIREMENTS))
    monkeypatch.delenv("HAILSTREAM_HOME", raising=False)
    sys.modules.pop("install", None)
    module: Any = importlib.import_module("install")

    for name in ("ROOT", "VENV", "PYTHON", "CACHE", "STATE", "BOOTSTRAP", "LOCK"):
        old: Path = getattr(module, name)
        moved = tmp_path if name == "ROOT" else tmp_path / old.relative_to(REQUIREMENTS.parent)
        monkeypatch.setattr(module, name, moved)
    (tmp_path / "requirements").mkdir()
    for name in ("requirements/all.lock", "requirements/bootstrap.lock", "setup.cfg", "jgo.lock.toml"):
        (tmp_path / name).write_text("one")
    module.ran = []
    module.broken = None

    def step(name: str) -> None:
        if name == "packages":
            module.VENV.joinpath("bin").mkdir(parents=True, exist_ok=True)
            if not module.PYTHON.exists():
                module.PYTHON.symlink_to(sys.executable)
            module.write_state({"packages": module.STARTED})
        module.ran.append(name)
        if name == module.broken:
            raise module.SetupError(f"no {name}")
        if name == "jars":
            (tmp_path / ".hailstream" / "jars").mkdir(parents=True, exist_ok=True)
            (tmp_path / ".hailstream" / "jars" / ".verified").touch()

    monkeypatch.setattr(module, "install_packages", lambda: step("packages"))
    monkeypatch.setattr(module, "install_project", lambda: step("project"))
    monkeypatch.setattr(module, "install_jars", lambda: step("jars"))
    return module


ALL = ["packages", "project", "jars"]


def run(install: Any) -> list[str]:
    install.ran.clear()
    install.main(["install"])
    return list(install.ran)


def test_a_second_run_does_nothing(install: Any) -> None:
    assert run(install) == ALL
    assert run(install) == []


@pytest.mark.parametrize(
    ("file", "steps"),
    [
        ("requirements/all.lock", ALL),
        ("requirements/bootstrap.lock", ALL),
        ("setup.cfg", ["project", "jars"]),
        ("jgo.lock.toml", ["jars"]),
        ("README.md", []),
        ("batch/__init__.py", ["project", "jars"]),
    ],
)
def test_only_what_depends_on_a_changed_file_runs_again(
    install: Any, tmp_path: Path, file: str, steps: list[str]
) -> None:
    run(install)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("two")
    assert run(install) == steps
    assert run(install) == []


def test_what_was_fetched_into_another_home_folder_is_fetched_again(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(install)
    monkeypatch.setenv("HAILSTREAM_HOME", str(tmp_path / "elsewhere"))
    assert run(install) == ["jars"]


def test_removed_jvm_parts_are_fetched_again(install: Any, tmp_path: Path) -> None:
    run(install)
    (tmp_path / ".hailstream" / "jars" / ".verified").unlink()
    assert run(install) == ["jars"]


def test_an_interrupted_installation_of_packages_begins_anew(install: Any) -> None:
    install.broken = "packages"
    assert run(install) == ["packages"]
    half = install.VENV / "half-a-package"
    half.touch()
    install.broken = None
    assert run(install) == ALL
    assert not half.exists()


def test_a_later_step_that_failed_keeps_the_packages(install: Any) -> None:
    install.broken = "jars"
    assert run(install) == ALL
    install.broken = None
    assert run(install) == ["jars"]


def test_an_environment_copied_from_another_folder_is_not_used(install: Any) -> None:
    run(install)
    state = json.loads(install.STATE.read_text())
    install.STATE.write_text(json.dumps(state | {"path": "/another/checkout"}))
    assert run(install) == ALL


def test_an_environment_whose_python_is_gone_is_made_anew(install: Any) -> None:
    run(install)
    install.PYTHON.unlink()
    install.PYTHON.symlink_to("/no/such/python3.11")
    assert run(install) == ALL


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_damaged_state_file_means_that_nothing_is_known(install: Any, content: str) -> None:
    run(install)
    install.STATE.write_text(content)
    assert run(install) == ALL


def test_a_failed_command_shows_its_own_words(install: Any) -> None:
    with pytest.raises(install.SetupError, match="the mirror is away"):
        install.call(sys.executable, "-c", "import sys; print('the mirror is away'); sys.exit(3)")


def test_two_runs_at_once_take_turns(tmp_path: Path) -> None:
    first = f"""
import sys; sys.path.insert(0, {str(REQUIREMENTS)!r})
import install, pathlib; install.ROOT = pathlib.Path({str(tmp_path)!r})
with install.only_one():
    print('mine', flush=True); input()
"""
    hold = subprocess.Popen([sys.executable, "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait = subprocess.Popen([sys.executable, "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with hold, wait:
        assert hold.stdout is not None
        assert wait.stdout is not None
        lines = {hold.stdout.readline().strip(), wait.stdout.readline().strip()}
        assert lines == {"mine", "another set-up of this folder is running; waiting for it"}
        for process in (hold, wait):  # both first: either may be the one that waits
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert (hold.communicate()[0] + wait.communicate()[0]) == "mine\n"


def test_without_python_3_11_the_commands_that_install_it_are_said(tmp_path: Path) -> None:
    false = tmp_path / "bin"
    false.mkdir()
    (tmp_path / "requirements").mkdir()
    setup = tmp_path / "requirements" / "setup"
    # The one fixed place goes, or the test would find a Python where there is one.
    setup.write_text((REQUIREMENTS / "setup").read_text().replace("/usr/bin/python3.11", "/no/python3.11"))
    for name in ("python3.11", "python3"):
        (false / name).write_text("#!/bin/sh\nexit 127\n")
        (false / name).chmod(0o755)
    env = {"PATH": f"{false}{os.pathsep}/usr/bin:/bin"}
    found = subprocess.run(["/bin/sh", setup], env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "apt-get install python3.11" in found.stderr
    assert "brew install python@3.11" in found.stderr
    named = subprocess.run(
        ["/bin/sh", setup], env=env | {"PYTHON": "/no/python"}, capture_output=True, text=True, check=False
    )
    assert (named.returncode, "PYTHON=/no/python" in named.stderr) == (2, True)
