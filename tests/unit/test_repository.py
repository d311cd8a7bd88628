"""What holds for the files of the repository as a whole."""

from __future__ import annotations

import configparser
import importlib
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import fastavro.schema
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# Put together here, so that this file passes its own check.
PLACES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
    )
]
PATHS = ["/" + path for path in ("work/main", "work/shared", "tmp/boot", "root/", "home/runner", "opt/wheels")]


@cache
def files() -> list[Path]:
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def lock_pins(lock: str) -> dict[str, list[str]]:
    """Each pinned requirement of a lock file with its hashes."""
    joined = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    return {line.split(" --hash")[0].strip(): re.findall(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines}


def test_no_file_names_a_package_registry_or_a_path_of_a_machine() -> None:
    found = [f"{name(path)}: {word}" for path in files() for word in (*PLACES, *PATHS) if word in text_of(path)]
    assert found == []


def test_no_python_file_is_longer_than_300_lines() -> None:
    long = {
        name(path): count
        for path in files()
        if path.suffix == ".py" and (count := len(text_of(path).splitlines())) > 300
    }
    assert long == {}


def test_no_secret_file_and_no_large_file_is_committed() -> None:
    assert [name(path) for path in files() if path.name == ".env" or path.suffix in {".pem", ".key", ".jar"}] == []
    assert [name(path) for path in files() if path.stat().st_size > 2_000_000] == []


@pytest.mark.parametrize("lock", ["all.lock", "bootstrap.lock"])
def test_a_lock_file_pins_everything_by_hash_and_names_no_address(lock: str) -> None:
    pins = lock_pins(lock)
    assert [
        pin for pin, hashes in pins.items() if not hashes or not re.match(r"[A-Za-z0-9._-]+==[^ ]+( ;.*)?$", pin)
    ] == []
    assert pins
    assert "://" not in (ROOT / "requirements" / lock).read_text()


def test_the_lock_file_satisfies_every_requirement_of_the_package() -> None:
    versions = {pin.split("==")[0]: pin.split("==")[1].split()[0] for pin in lock_pins("all.lock")}
    config = setup_cfg()
    wanted = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    requirements = [Requirement(line) for text in wanted for line in text.splitlines() if line.strip()]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    requirements += [Requirement(line) for line in build]
    unmet = [str(r) for r in requirements if (r.name not in versions) or not r.specifier.contains(versions[r.name])]
    assert len(requirements) > 20
    assert unmet == []


def test_both_lock_files_agree_on_what_they_share() -> None:
    assert set(lock_pins("bootstrap.lock")) <= set(lock_pins("all.lock"))


def test_the_extras_that_the_readme_speaks_of_exist() -> None:
    extras = setup_cfg()["options.extras_require"]
    assert {"stream", "batch", "serving", "local", "dev"} <= set(extras)


def test_the_console_script_can_be_called() -> None:
    entry = setup_cfg()["options.entry_points"]["console_scripts"].strip()
    script, _, target = entry.partition(" = ")
    module, _, function = target.partition(":")
    assert script == "hailstream"
    assert callable(getattr(importlib.import_module(module), function))


def test_every_schema_parses_and_is_named_for_its_file() -> None:
    schemas = [path for path in files() if path.suffix == ".avsc"]
    assert schemas
    for path in schemas:
        parsed = fastavro.schema.load_schema(path)
        assert parsed["type"] == "record", name(path)


def test_every_make_target_is_in_the_help_with_a_text() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    described = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", shown, re.MULTILINE))
    phony = {target for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for target in line.split()}
    assert targets == set(described) == phony
    asked = "demo test test-unit lint format types up down status doctor bench lock clean clean-all"
    assert set(asked.split()) <= targets


def test_demo_passes_its_variables_on_with_spaces_in_the_path() -> None:
    def command(*variables: str) -> str:
        shown = subprocess.run(["make", "-n", "demo", *variables], cwd=ROOT, capture_output=True, text=True, check=True)
        return " ".join(shown.stdout.splitlines()[-1].split())

    assert command() == ".venv/bin/hailstream demo"
    assert command("DATA=my trips.csv", "SPEED=max", "KEEP=1").endswith(
        "demo --data 'my trips.csv' --speed 'max' --keep"
    )
    assert "--keep" not in command("KEEP=0")


def test_what_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    missing = []
    for document in (path for path in files() if path.suffix == ".md"):
        text = text_of(document)
        links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
        missing += [f"{name(document)}: {link}" for link in links if not (document.parent / link).exists()]
        asked = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)
        missing += [f"{name(document)}: make {target}" for target in asked if target not in targets]
    assert missing == []


def test_the_changelog_starts_with_what_is_not_released_or_this_version() -> None:
    versions = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions
    assert versions[0] in {"Unreleased", setup_cfg()["metadata"]["version"]}


def test_pre_commit_runs_tools_of_the_projects_environment_only() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    pinned = {pin.split("==")[0] for pin in lock_pins("all.lock")} | {"python"}
    for hook in config["repos"][0]["hooks"]:
        folder, tool = hook["entry"].split()[0].rsplit("/", 1)
        assert (folder, hook["language"]) == (".venv/bin", "system")
        assert tool in pinned


@pytest.mark.parametrize("script", [".ci/run", "requirements/setup"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    shell = path.read_text().splitlines()[0].rsplit("/", 1)[1].removeprefix("env ")
    assert subprocess.run([shell, "-n", path], capture_output=True, check=False).returncode == 0
