"""The JVM parts of the embedded stack, brought to the home folder from ``jgo.lock.toml``.

Every part has the checksum of the lock or is not there: files are downloaded
beside their place, verified and renamed into it, so that an interrupted run
leaves nothing half done and the next one goes on from there.

``python -m hailstream.local.jars`` does it with a progress display.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hailstream.errors import HailstreamError

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK_FILE = CHECKOUT / "jgo.lock.toml"
DOWNLOADS_AT_ONCE = 4
TIMEOUT_SECONDS = 30


#: Told of each download: file name, bytes so far, bytes in all.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Part:
    """One file of the lock.

    Attributes:
        group: Maven's groupId; decides which server it belongs to.
        file: its file name, which carries its version.
    """

    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str

    @property
    def file(self) -> str:
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"

    @property
    def is_archive(self) -> bool:
        return self.packaging == "tar.gz"

    @property
    def folder(self) -> str:
        """Folder below ``jars/`` where it is kept."""
        if self.group == "org.apache.flink":
            # File systems have a class loader of their own, or would bring their libraries into every job.
            return "flink-plugins" if self.artifact.startswith("flink-s3-fs") else "flink"
        return "kafka"


@dataclass(frozen=True)
class Jars:
    """Where the parts are.

    Attributes:
        flink: connector jars for the class path of Flink's cluster and client.
        kafka: the folder whose jars are the broker's class path.
        apicurio: the unpacked registry.
        plugins: jars of Flink that are each loaded apart.
    """

    flink: tuple[Path, ...]
    kafka: Path
    apicurio: Path
    plugins: tuple[Path, ...] = ()


def read_lock(path: Path = LOCK_FILE) -> tuple[Part, ...]:
    """The parts that the lock file names.

    Raises:
        HailstreamError: there is no lock file, or it names a part without checksum.
    """
    if not path.is_file():
        raise HailstreamError(
            f"no lock file of the JVM parts at {path}",
            hint="the embedded stack is started from a checkout of the project",
        )
    parts = []
    for entry in tomllib.loads(path.read_text())["dependencies"]:
        group, artifact, version = entry["groupId"], entry["artifactId"], entry["version"]
        if not entry.get("sha256"):
            raise HailstreamError(f"{path}: {group}:{artifact} has no checksum")
        parts.append(Part(group, artifact, version, entry["packaging"], entry.get("classifier", ""), entry["sha256"]))
    return tuple(parts)


def ensure_jars(
    home: Path,
    progress: Progress | None = None,
    lock: Path = LOCK_FILE,
    repositories: Mapping[str, str] | None = None,
) -> Jars:
    """Bring every locked part below ``home``; at once when all are there already.

    Args:
        home: parts go to ``jars/flink``, ``jars/flink-plugins``, ``jars/kafka`` and ``apicurio`` below it.
        progress: called from several threads.
        lock: the lock file.
        repositories: addresses by name to download from, instead of jgo's usual
            one and those that the user's own jgo configuration names.

    Raises:
        HailstreamError: a part cannot be had (network away, no such version) or
            its checksum is wrong; what was brought before stays.
    """
    parts = read_lock(lock)
    folder = home / "jars"
    found = Jars(
        flink=tuple(folder / part.folder / part.file for part in parts if part.folder == "flink"),
        kafka=folder / "kafka",
        apicurio=home / "apicurio",
        plugins=tuple(folder / part.folder / part.file for part in parts if part.folder == "flink-plugins"),
    )
    # The stamp says that the files were verified against this very lock.
    stamp = folder / ".verified"
    lock_hash = _sha256(lock)
    if stamp.is_file() and stamp.read_text() == lock_hash and not _missing(home, parts):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    jars = [part for part in parts if not part.is_archive]
    wanted = [part for part in parts if part.is_archive and part in _missing(home, parts)]
    wanted += [part for part in jars if not _is_verified(folder / part.folder / part.file, part)]
    if wanted:
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming:
            _bring(wanted, home, _Source(Path(incoming), repositories, progress))
    _drop_others(folder, jars)
    stamp.write_text(lock_hash)
    return found


def _missing(home: Path, parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if not _place(home, part).is_file()]


def _place(home: Path, part: Part) -> Path:
    """The file that stands for the part once it is installed."""
    if part.is_archive:
        return home / "apicurio" / f".{part.sha256}"
    return home / "jars" / part.folder / part.file


def _is_verified(path: Path, part: Part) -> bool:
    return path.is_file() and _sha256(path) == part.sha256


@dataclass(frozen=True)
class _Source:
    """Where parts come from and where they lie until they are verified."""

    incoming: Path
    repositories: Mapping[str, str] | None
    progress: Progress | None

    def download(self, part: Part) -> Path:
        import requests
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver

        repositories = self.repositories
        if repositories is None:
            repositories = {**GlobalSettings.load().repositories, **MavenContext().remote_repos}
        context = MavenContext(
            resolver=PythonResolver(progress_callback=self._report),
            repo_cache=self.incoming,
            timeout=TIMEOUT_SECONDS,
            remote_repos=dict(repositories),
        )
        component = context.project(part.group, part.artifact).at_version(part.version)
        try:
            return Path(component.artifact(part.classifier, part.packaging).resolve())
        except (requests.RequestException, OSError) as error:
            raise HailstreamError(
                f"cannot download {part.file}: {_short(error)}",
                hint="check the network (and proxy) and run it again: what is already here is kept",
            ) from error
        except RuntimeError as error:
            raise HailstreamError(
                f"cannot download {part.group}:{part.artifact}:{part.version} ({part.file}): no repository has it",
                hint="check that the download source is complete, or change the version in jgo.toml and lock anew",
            ) from error

    @contextmanager
    def _report(self, file: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def add(count: int) -> None:
            nonlocal done
            done += count
            if self.progress is not None:
                self.progress(file, done, total)

        yield add


def _bring(parts: Sequence[Part], home: Path, source: _Source) -> None:
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        # The archive comes first: it is by far the longest.
        futures = [pool.submit(_bring_one, part, home, source) for part in parts]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _bring_one(part: Part, home: Path, source: _Source) -> None:
    file = source.download(part)
    if (actual := _sha256(file)) != part.sha256:
        raise HailstreamError(
            f"{part.file} is not the locked file: sha256 {actual}, expected {part.sha256}",
            hint="try again; if it stays so, do not use the file: the download source is not to be trusted",
        )
    if part.is_archive:
        _unpack(file, home / "apicurio", part)
    else:
        place = _place(home, part)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)


def _short(error: Exception) -> str:
    """The kind of failure without the address, which may carry a proxy's password."""
    return type(error).__name__ if not isinstance(error, OSError) or not error.strerror else error.strerror


def _unpack(archive: Path, place: Path, part: Part) -> None:
    """Unpack beside ``place`` and put it there in one step; an older one goes."""
    fresh = Path(tempfile.mkdtemp(prefix=".unpack-", dir=archive.parent))
    with tarfile.open(archive) as tar:
        # Python before 3.11.4 has no filters; the archive is one whose checksum we know.
        if hasattr(tarfile, "data_filter"):
            tar.extractall(fresh, filter="data")
        else:
            tar.extractall(fresh)
    (fresh / f".{part.sha256}").touch()
    fresh.chmod(0o755)
    place = place.resolve()  # several homes may link to one set of parts
    if place.exists():
        shutil.rmtree(place)
    fresh.replace(place)


def _drop_others(folder: Path, jars: Sequence[Part]) -> None:
    """Remove jars the lock does not name: class paths are whole folders."""
    locked = {(part.folder, part.file) for part in jars}
    for path in folder.glob("*/*.jar"):
        if not path.parent.name.startswith(".") and (path.parent.name, path.name) not in locked:
            path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Bring the parts to the home folder of the settings, with progress."""
    from hailstream.local.display import Display
    from hailstream.settings import load_settings

    with Display() as display:
        ensure_jars(load_settings().home_dir, display.download)


if __name__ == "__main__":
    try:
        main()
    except HailstreamError as error:
        raise SystemExit(f"error: {error.message}\nhint: {error.hint}") from None
