"""Write ``jgo.lock.toml`` of the Spark jars: exact versions and checksums, no addresses.

``python -m bench.spark.lock``, run by a maintainer after changing ``jgo.toml``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.spark.install import LOCK_FILE

SPEC_FILE = LOCK_FILE.with_name("jgo.toml")


def lock() -> int:
    """Resolve the coordinates, and nothing they depend on; returns the number of files locked."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile
    from jgo.env._lockfile import compute_spec_hash
    from jgo.maven import MavenContext, PythonResolver

    spec = EnvironmentSpec.load(SPEC_FILE)
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache))
        named = EnvironmentBuilder(context, cache_dir=Path(cache)).spec_to_dependencies(spec)
        locked = LockFile.from_resolved_dependencies(
            named, environment_name=spec.name, spec_hash=compute_spec_hash(SPEC_FILE)
        )
    locked.save(LOCK_FILE)
    return len(locked.dependencies)


if __name__ == "__main__":
    print(f"{LOCK_FILE.name}: {lock()} files")
