"""Set the project up inside its own folder: Python packages, the project itself, JVM parts.

Each step runs only when what it depends on has changed, so that a second run
takes a moment. A run that was interrupted is repaired by the next one. Nothing
outside the project's folder is written. ``make`` runs this; it needs nothing
but the standard library of Python 3.11.

    install.py [install]         set up what is missing
    install.py lock [OPTION...]  compile the lock files anew; options go to ``uv pip compile``
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parent))
from pip_config import uv_environment

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
CACHE = ROOT / ".cache" / "uv"
STATE = VENV / "setup.json"
BOOTSTRAP = ROOT / "requirements" / "bootstrap.lock"
LOCK = ROOT / "requirements" / "all.lock"
NEEDED_BYTES = 4 * 2**30
STARTED = "started"
NETWORK_HINT = (
    "hint:  packages come from where your pip gets them (PIP_INDEX_URL, PIP_CERT, pip.conf) and need the network;\n"
    "       the next `make` goes on from here"
)


class SetupError(Exception):
    """A step failed; the message says which and what to do."""


@dataclass(frozen=True)
class Step:
    """One step of the set-up: done again when ``digest`` is another than last time."""

    name: str
    title: str
    digest: str
    run: Callable[[], None]
    began: ClassVar[float] = time.monotonic()
    """When the step that runs now was begun."""


def digest(*parts: Path | str) -> str:
    """A hash over texts and files; a missing file counts as empty."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part.read_bytes() if part.is_file() else b""
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def read_state() -> dict[str, str]:
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(state: dict[str, str]) -> None:
    """Replace the state file as a whole, so that no interruption leaves half of one."""
    partial = STATE.with_suffix(".tmp")
    partial.write_text(json.dumps(state, indent=1) + "\n")
    partial.replace(STATE)


def environment() -> dict[str, str]:
    """What uv and pip run with: this project's cache, the user's package index, no other environment."""
    env = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH"}}
    env.setdefault("UV_CACHE_DIR", str(CACHE))
    env["PIP_USER"] = "0"
    return env | uv_environment(PYTHON, env)


def call(*command: Path | str, env: dict[str, str] | None = None) -> None:
    """Run a command, showing the seconds of the step; its output only if it fails."""
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            close_fds=False,  # the lock of only_one() is held until the last of us has ended
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5 if sys.stdout.isatty() else 20)
                    break
                tick(time.monotonic() - Step.began)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            output.seek(0)
            lines = output.read().decode(errors="replace").splitlines()[-40:]
            shown = " ".join([Path(command[0]).name, *map(str, command[1:4])])
            raise SetupError("\n".join([*lines, f"error: `{shown} ...` failed", NETWORK_HINT]))


def tick(seconds: float) -> None:
    if sys.stdout.isatty():
        print(f"\r      {seconds:.0f} s ", end="", flush=True)
    else:
        print(f"      {seconds:.0f} s ...", flush=True)


def healthy() -> bool:
    """Whether the environment's interpreter runs and is a 3.11."""
    check = "import sys; sys.exit(sys.version_info[:2] != (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def create_environment() -> None:
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        raise SetupError(f"error: {ROOT} needs {NEEDED_BYTES >> 30} GB of free disk space")
    try:
        import ensurepip
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            f"error: {sys.executable} has no venv module\nhint:  apt-get install python3.11-venv"
        ) from None
    del ensurepip
    call(sys.executable, "-m", "venv", "--clear", VENV)


def install_packages() -> None:
    """Bring the environment to exactly what the lock file says, every file checked by its hash."""
    if not healthy():
        create_environment()
    # From here until the end the environment may be half made: the next run then begins anew.
    write_state({"packages": STARTED})
    if not UV.exists():
        call(PYTHON, "-m", "ensurepip", "--default-pip")
        options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes"]
        call(PYTHON, "-m", "pip", "install", *options, "-r", BOOTSTRAP, env=environment())
    # Compiled once: a stack is a dozen processes, and with PYTHONDONTWRITEBYTECODE each would compile for seconds.
    call(
        UV, "pip", "sync", "--python", PYTHON, "--compile-bytecode", "--require-hashes",
        "--build-constraints", BOOTSTRAP, LOCK,
        env=environment(),
    )  # fmt: skip


def install_project() -> None:
    call(
        UV, "pip", "install", "--python", PYTHON, "--offline", "--no-deps", "--no-build-isolation", "--editable", ROOT,
        env=environment(),
    )  # fmt: skip


def install_jars() -> None:
    """Fetch the JVM parts; that command shows its own progress."""
    command = [str(PYTHON), "-m", "hailstream.local.jars"]
    if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, close_fds=False, check=False).returncode:
        raise SetupError("error: the JVM parts could not be fetched; the next run goes on from here")


def steps() -> list[Step]:
    machine = f"{sys.version_info[:2]} {platform.machine()} {sys.platform} compiled"
    home = ROOT / os.environ.get("HAILSTREAM_HOME", ".hailstream")
    jars = digest(str(home), ROOT / "jgo.lock.toml") if (home / "jars" / ".verified").exists() else "none"
    # The top-level packages too: an editable installation knows them by name.
    packages = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    return [
        Step("packages", "Python packages (about 1.5 GB the first time)", digest(machine, LOCK, BOOTSTRAP),
             install_packages),
        Step("project", "Hailstream itself", digest(*packages, ROOT / "setup.cfg", ROOT / "pyproject.toml"),
             install_project),
        Step("jars", "JVM parts: Kafka, registry, Flink connectors", jars, install_jars),
    ]  # fmt: skip


def install() -> None:
    """Run the steps whose digest differs from the recorded one, and every step after such a one."""
    state = read_state()
    path = str(ROOT)
    if VENV.exists() and (state.get("packages") == STARTED or state.get("path", path) != path or not healthy()):
        # Interrupted half way, copied from elsewhere (scripts hold absolute paths), or its Python is gone.
        shutil.rmtree(VENV)
        state = {}
    todo = steps()
    fresh = True
    for number, step in enumerate(todo, 1):
        fresh = fresh and state.get(step.name, "none") == step.digest != "none"
        if fresh:
            continue
        print(f"[{number}/{len(todo)}] {step.title}", flush=True)
        Step.began = time.monotonic()
        step.run()
        print(
            f"{chr(13) if sys.stdout.isatty() else ''}      done in {time.monotonic() - Step.began:.0f} s", flush=True
        )
        done = {s.name: s.digest for s in steps()[:number]}
        write_state({"path": path, **done})
    if not fresh:
        # It has served: what it held is installed, and building Spark alone leaves more than 1 GB there.
        shutil.rmtree(CACHE.parent, ignore_errors=True)


def compile_locks(options: list[str]) -> None:
    """Write the lock files: every platform, every file's hash, no address of an index."""
    command: list[Path | str] = [
        UV, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-header", "--no-emit-index-url", *options,
    ]  # fmt: skip
    source = "requirements/bootstrap.in"
    print("Python packages", flush=True)
    call(*command, source, "--output-file", BOOTSTRAP.relative_to(ROOT), env=environment())
    call(
        *command, "setup.cfg", source, "--all-extras", "--constraints", BOOTSTRAP,
        "--output-file", LOCK.relative_to(ROOT), env=environment(),
    )  # fmt: skip
    shutil.rmtree(CACHE.parent, ignore_errors=True)
    # Writing it takes downloads, and a new date even where nothing has changed.
    changed = "from jgo.env._lockfile import compute_spec_hash as h; import sys; from pathlib import Path as P; "
    changed += "sys.exit(h(P('jgo.toml')) not in P('jgo.lock.toml').read_text())"
    if subprocess.run([PYTHON, "-c", changed], cwd=ROOT, check=False).returncode:
        print("JVM parts", flush=True)
        call(PYTHON, "-m", "hailstream.local.jars_lock")


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Wait for another set-up of this folder to end; the lock goes with the last process of it."""
    handle = os.open(ROOT, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up of this folder is running; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def main(arguments: list[str]) -> int:
    try:
        with only_one():
            install()
            if arguments[:1] == ["lock"]:
                compile_locks(arguments[1:])
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next `make` repairs and goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
