"""The JVM parts: only what the lock names, verified, in one piece."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.local.jars import LOCK_FILE, ensure_jars, read_lock


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@dataclass
class Repository:
    """A Maven repository on loopback with three parts, and the lock that names them."""

    root: Path
    lock: Path
    url: str
    server: ThreadingHTTPServer

    def put(self, group: str, artifact: str, version: str, content: bytes, suffix: str = ".jar") -> None:
        folder = self.root / group.replace(".", "/") / artifact / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{artifact}-{version}{suffix}").write_bytes(content)

    def write_lock(self, broker: bytes, version: str = "2") -> None:
        connector, archive = b"connector", _archive()
        self.put("org.apache.flink", "connector", "1", connector)
        self.put("org.apache.kafka", "broker", version, broker)
        self.put("io.apicurio", "registry", "3", archive, "-all.tar.gz")
        self.lock.write_text(
            _entry("org.apache.flink", "connector", "1", connector)
            + _entry("org.apache.kafka", "broker", version, broker)
            + _entry("io.apicurio", "registry", "3", archive, 'packaging = "tar.gz"\nclassifier = "all"')
        )

    def bring(self, home: Path, seen: list[str] | None = None) -> None:
        def progress(file: str, _done: int, _total: int) -> None:
            if seen is not None:
                seen.append(file)

        ensure_jars(home, progress, self.lock, {"test": self.url})


def _entry(group: str, artifact: str, version: str, content: bytes, kind: str = 'packaging = "jar"') -> str:
    digest = hashlib.sha256(content).hexdigest()
    return (
        f'[[dependencies]]\ngroupId = "{group}"\nartifactId = "{artifact}"\nversion = "{version}"\n'
        f'{kind}\nsha256 = "{digest}"\n\n'
    )


@cache  # a compressed archive carries the time it was made
def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("quarkus-run.jar")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"run"))
    return buffer.getvalue()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    root = tmp_path / "repository"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made = Repository(root, tmp_path / "lock.toml", f"http://127.0.0.1:{server.server_port}", server)
    made.write_lock(b"broker")
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_parts_are_brought_to_their_servers_folders_and_the_archive_is_unpacked(
    repository: Repository, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    seen: list[str] = []
    repository.bring(home, seen)
    assert (home / "jars/flink/connector-1.jar").read_bytes() == b"connector"
    assert (home / "jars/kafka/broker-2.jar").read_bytes() == b"broker"
    assert (home / "apicurio/quarkus-run.jar").read_bytes() == b"run"
    assert set(seen) == {"connector-1.jar", "broker-2.jar", "registry-3-all.tar.gz"}
    assert not list((home / "jars").glob(".incoming*"))


def test_a_second_run_asks_the_network_for_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.bring(tmp_path / "home")
    seen: list[str] = []
    ensure_jars(tmp_path / "home", lambda file, *_: seen.append(file), repository.lock, {"gone": "http://127.0.0.1:1"})
    assert seen == []


def test_a_file_with_another_checksum_is_refused_and_never_reaches_its_place(
    repository: Repository, tmp_path: Path
) -> None:
    repository.put("org.apache.kafka", "broker", "2", b"something else")
    with pytest.raises(HailstreamError, match=r"broker-2\.jar is not the locked file"):
        repository.bring(tmp_path / "home")
    assert not (tmp_path / "home/jars/kafka/broker-2.jar").exists()


def test_a_file_that_was_changed_in_its_place_is_brought_again_once_the_lock_moves(
    repository: Repository, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    repository.bring(home)
    (home / "jars/flink/connector-1.jar").write_bytes(b"half a conn")
    repository.write_lock(b"newer broker", "3")
    seen: list[str] = []
    repository.bring(home, seen)
    assert (home / "jars/flink/connector-1.jar").read_bytes() == b"connector"
    assert set(seen) == {"connector-1.jar", "broker-3.jar"}, "what is there and right is kept"


def test_a_version_that_the_lock_no_longer_names_leaves_the_class_path(repository: Repository, tmp_path: Path) -> None:
    home = tmp_path / "home"
    repository.bring(home)
    repository.write_lock(b"newer broker", "3")
    repository.bring(home)
    assert [path.name for path in (home / "jars/kafka").iterdir()] == ["broker-3.jar"]


def test_without_network_the_error_names_the_file_and_what_was_brought_before_stays(
    repository: Repository, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    repository.bring(home)
    (home / "jars/kafka/broker-2.jar").unlink()
    with pytest.raises(HailstreamError, match=r"cannot download broker-2\.jar") as caught:
        ensure_jars(home, None, repository.lock, {"gone": "http://127.0.0.1:1"})
    assert "network" in caught.value.hint
    assert "127.0.0.1" not in caught.value.message, "an address may carry a password"
    assert (home / "jars/flink/connector-1.jar").exists()
    repository.bring(home)
    assert (home / "jars/kafka/broker-2.jar").exists()


def test_a_part_that_no_repository_has_is_named(repository: Repository, tmp_path: Path) -> None:
    (repository.root / "org/apache/kafka/broker/2/broker-2.jar").unlink()
    with pytest.raises(HailstreamError, match=r"org\.apache\.kafka:broker:2 .* no repository has it"):
        repository.bring(tmp_path / "home")


def test_the_projects_lock_has_a_checksum_for_every_part_and_no_address() -> None:
    parts = read_lock()
    assert {part.artifact for part in parts} >= {"kafka_2.13", "flink-sql-connector-kafka", "apicurio-registry-app"}
    assert {part.version for part in parts if part.artifact == "kafka-clients"} == {"4.2.0"}, "as the broker"
    assert "://" not in LOCK_FILE.read_text()


def test_a_lock_without_a_checksum_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock.toml"
    lock.write_text('[[dependencies]]\ngroupId="g"\nartifactId="a"\nversion="1"\npackaging="jar"\n')
    with pytest.raises(HailstreamError, match="g:a has no checksum"):
        read_lock(lock)
