"""Many small files of an hour become one, and no reader sees a record twice or not at all.

A checkpoint publishes a file for each hour of event time that it saw records
of: after a day there are thousands. The merged file says in its footer which
files it replaces, so it takes their place in the moment in which it is there;
they are deleted after that, and by the next run where this one was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from hailstream.archive.manifest import Manifest, keep_manifest, read_manifest
from hailstream.archive.store import COMPACTED, REPLACES, Store, is_compacted, unreadable
from hailstream.errors import HailstreamError

#: Files of this size are left as they are, and merged ones are about as large at the most.
LARGE_BYTES: Final = 128 * 2**20
_ROW_GROUP_ROWS: Final = 100_000
_HIDDEN: Final = "."
#: How the name begins of a merged file that is being written.
_SCRATCH: Final = f"{_HIDDEN}{COMPACTED}"
_ORDER: Final = [("kafka_partition", "ascending"), ("kafka_offset", "ascending")]


@dataclass
class Compacted:
    """What a run did.

    Attributes:
        before, after: files that count.
        rows: that were written anew.
    """

    before: int = 0
    after: int = 0
    rows: int = 0


def compact(store: Store, large_bytes: int = LARGE_BYTES) -> Compacted:
    """Merge the small files of each folder; those who read must not be at work meanwhile.

    Raises:
        HailstreamError: a file cannot be read or written. What was merged before stays merged.
    """
    _delete_leftovers(store)
    present = store.data_files()
    done, manifest = Compacted(before=len(present)), read_manifest(store)
    for paths in _groups(present, large_bytes):
        done.rows += _merge(store, manifest, paths)
    done.after = len(store.data_files())
    return done


def _groups(present: dict[str, int], large_bytes: int) -> Iterable[list[str]]:
    """Files that are to be one: neighbours of a folder that are not too large together."""
    group: list[str] = []
    size = 0
    for path, bytes_ in present.items():
        if bytes_ >= large_bytes:
            continue
        folder = path.rpartition("/")[0]
        if group and (group[-1].rpartition("/")[0] != folder or size + bytes_ > large_bytes):
            if len(group) > 1:
                yield group
            group, size = [], 0
        group.append(path)
        size += bytes_
    if len(group) > 1:
        yield group


def _merge(store: Store, manifest: Manifest, paths: list[str]) -> int:
    """One file in the place of several; how many rows it has."""
    folder = paths[0].rpartition("/")[0]
    name = f"{COMPACTED}{uuid4()}"
    target, scratch = (store.path(f"{folder}/{start}{name}") for start in ("", _HIDDEN))
    try:
        tables = [pq.read_table(store.path(path), filesystem=store.files, partitioning=None) for path in paths]
    except (OSError, pa.ArrowException) as error:
        raise unreadable(f"a file in {store.path(folder)}", error) from None
    rows = pa.concat_tables(tables).sort_by(_ORDER)
    names = [path.rpartition("/")[2] for path in paths]
    rows = rows.replace_schema_metadata({REPLACES: json.dumps(names).encode()})
    try:
        pq.write_table(rows, scratch, filesystem=store.files, compression="zstd", row_group_size=_ROW_GROUP_ROWS)
        store.files.move(scratch, target)
    except OSError as error:
        # What was written so far may be the space that is missing.
        with suppress(OSError):
            store.files.delete_file(scratch)
        raise HailstreamError(
            f"{store.path(folder)} cannot be compacted: {error}",
            hint="nothing is lost or there twice; see to space and rights, and run it again",
        ) from None
    # The count is the same, and need not be made anew.
    manifest.files -= set(paths)
    manifest.files.add(f"{folder}/{name}")
    keep_manifest(store, manifest)
    for path in paths:
        _delete(store, path)
    return int(rows.num_rows)


def _delete_leftovers(store: Store) -> None:
    """What a run that was killed had still to delete, and had begun to write."""
    present = store.present_files()
    for path in present:
        if is_compacted(path):
            for replaced in store.replaced_by(path):
                if replaced in present:
                    _delete(store, replaced)
    for path in store.all_files():
        if path.rpartition("/")[2].startswith(_SCRATCH):
            _delete(store, path)


def _delete(store: Store, path: str) -> None:
    try:
        store.files.delete_file(store.path(path))
    except OSError as error:
        raise HailstreamError(
            f"{store.path(path)}, whose records are in a compacted file, cannot be deleted: {error}",
            hint="readers pass over it; see to rights, and run it again",
        ) from None
