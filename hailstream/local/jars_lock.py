"""Write ``jgo.lock.toml`` from ``jgo.toml``: exact versions and checksums, no addresses.

``python -m hailstream.local.jars_lock``, run by a maintainer after changing ``jgo.toml``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hailstream.local.jars import CHECKOUT, LOCK_FILE, TIMEOUT_SECONDS

SPEC_FILE = CHECKOUT / "jgo.toml"
# Locked without what they declare as dependencies: it is inside them.
ALONE = ("org.apache.flink", "io.apicurio")


def lock(spec_file: Path = SPEC_FILE, lock_file: Path = LOCK_FILE) -> int:
    """Resolve the coordinates and write the lock; returns the number of files locked."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile
    from jgo.env._lockfile import compute_spec_hash
    from jgo.maven import MavenContext, PythonResolver

    spec = EnvironmentSpec.load(spec_file)
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache), timeout=TIMEOUT_SECONDS)
        inputs: list[Any] = EnvironmentBuilder(context, cache_dir=Path(cache)).spec_to_dependencies(spec)
        alone = [dependency for dependency in inputs if dependency.groupId in ALONE]
        rest = [dependency for dependency in inputs if dependency.groupId not in ALONE]
        resolved, transitive = context.resolver.resolve(rest)
        needed = [dependency for dependency in transitive if dependency.scope in ("compile", "runtime")]
        locked = LockFile.from_resolved_dependencies(
            [*alone, *resolved, *needed], environment_name=spec.name, spec_hash=compute_spec_hash(spec_file)
        )
    locked.save(lock_file)
    return len(locked.dependencies)


if __name__ == "__main__":
    print(f"{LOCK_FILE.name}: {lock()} files")
