"""How far an archive is complete, proved from its files and nothing else.

Offsets of a partition begin at some number and have no gap: so the archive of
a partition is complete up to the first offset that no file has. Files never
change, so what was counted once is kept beside them in ``_manifest.json``; it
saves time, and is made anew where it is lost or of another layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hailstream.archive.store import Store, missing, unreadable

_FILE: Final = "_manifest.json"
_LAYOUT: Final = 1
_PLACE: Final = ["kafka_partition", "kafka_offset"]

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """What the archive has of a partition.

    Attributes:
        first: its first offset.
        end: behind the last of those without a gap.
        beyond: how many records there are behind a gap.
        doubled: how many records there are more than once.
    """

    first: int
    end: int
    beyond: int = 0
    doubled: int = 0


@dataclass
class Manifest:
    """How far a topic's archive is complete.

    Attributes:
        files: that were counted.
        ranges: offsets that they have, by partition: disjoint [first, end), ascending.
        doubled: by partition, how many records are there more than once.
    """

    files: set[str] = field(default_factory=set)
    ranges: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    doubled: dict[int, int] = field(default_factory=dict)

    @property
    def partitions(self) -> dict[int, Partition]:
        """By number, those of which there is a record."""
        return {
            number: Partition(
                first=ranges[0][0],
                end=ranges[0][1],
                beyond=sum(end - first for first, end in ranges[1:]),
                doubled=self.doubled.get(number, 0),
            )
            for number, ranges in sorted(self.ranges.items())
        }

    @property
    def complete(self) -> dict[int, int]:
        """By partition, behind the last offset without a gap."""
        return {number: partition.end for number, partition in self.partitions.items()}

    @property
    def gaps(self) -> list[str]:
        """What is wrong, for people; empty where each partition is complete up to its last record."""
        told = []
        for number, found in self.partitions.items():
            if found.beyond:
                following = self.ranges[number][1][0]
                told.append(f"partition {number}: {found.end} to {following - 1} missing, {found.beyond:,} behind them")
            if found.doubled:
                told.append(f"partition {number}: {found.doubled:,} records more than once")
        return told

    def add(self, partition: int, offsets: Offsets) -> None:
        """Count a file's offsets of a partition, in whatever order they are."""
        ordered = np.sort(offsets)
        distinct = np.unique(ordered)
        doubled = len(ordered) - len(distinct)
        breaks = np.flatnonzero(np.diff(distinct) > 1)
        firsts = distinct[np.concatenate(([0], breaks + 1))]
        ends = distinct[np.concatenate((breaks, [len(distinct) - 1]))] + 1
        merged, common = _merged(self.ranges.get(partition, []), list(zip(firsts.tolist(), ends.tolist(), strict=True)))
        self.ranges[partition] = merged
        if doubled + common:
            self.doubled[partition] = self.doubled.get(partition, 0) + doubled + common


def read_manifest(store: Store) -> Manifest:
    """Count what files were not counted before, and keep the result beside them for the next time.

    Raises:
        HailstreamError: a file cannot be read.
    """
    present = store.data_files()
    manifest = _kept(store)
    # A file that was counted and is gone makes the count worthless.
    if not manifest.files <= present.keys():
        manifest = Manifest()
    fresh = [path for path in present if path not in manifest.files]
    for path in fresh:
        for partition, offsets in _offsets(store, path):
            manifest.add(partition, offsets)
        manifest.files.add(path)
    if fresh:
        keep_manifest(store, manifest)
    return manifest


def _offsets(store: Store, path: str) -> Iterable[tuple[int, Offsets]]:
    try:
        table = pq.read_table(store.path(path), columns=_PLACE, filesystem=store.files, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(store.path(path), error) from None
    partitions = table["kafka_partition"].to_numpy()
    offsets = table["kafka_offset"].to_numpy()
    return [(int(number), offsets[partitions == number]) for number in np.unique(partitions)]


def _merged(known: list[tuple[int, int]], fresh: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """The union of ranges, and how many numbers were in both."""
    merged: list[tuple[int, int]] = []
    common = 0
    for first, end in sorted(known + fresh):
        if merged and first <= merged[-1][1]:
            last_first, last_end = merged[-1]
            common += min(end, last_end) - first
            merged[-1] = (last_first, max(end, last_end))
        else:
            merged.append((first, end))
    return merged, common


def counted_files(store: Store, manifest: Manifest) -> dict[str, int]:
    """The files that a manifest counts, in bytes: what came since is not read with it.

    Raises:
        HailstreamError: they cannot be listed, or one is gone.
    """
    # A file whose rows another one has since is as good until it is deleted.
    present = store.present_files()
    gone = sorted(manifest.files - present.keys())
    if gone:
        raise missing(store.path(gone[0]))
    return {path: size for path, size in present.items() if path in manifest.files}


def _kept(store: Store) -> Manifest:
    try:
        with store.files.open_input_stream(store.path(_FILE)) as stream:
            found: Any = json.loads(stream.read())
        if found["layout"] != _LAYOUT:
            return Manifest()
        return Manifest(
            set(found["files"]),
            {int(number): [(first, end) for first, end in ranges] for number, ranges in found["ranges"].items()},
            {int(number): doubled for number, doubled in found["doubled"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Manifest()


def keep_manifest(store: Store, manifest: Manifest) -> None:
    """Write it beside its place and move it there, so that nobody reads half of it."""
    content = {
        "layout": _LAYOUT,
        "files": sorted(manifest.files),
        "ranges": manifest.ranges,
        "doubled": manifest.doubled,
    }
    scratch = store.path(f"_{_FILE}.new")
    try:
        with store.files.open_output_stream(scratch) as stream:
            stream.write(json.dumps(content).encode())
        store.files.move(scratch, store.path(_FILE))
    except OSError:
        # A reader without the right to write counts anew each time; so does one whose disk is full.
        with suppress(OSError):
            store.files.delete_file(scratch)
