"""The partition of a key as Kafka's own default partitioner chooses it: murmur2.

Computed here rather than by the client, so that the partition of each record
is known before it is sent: a resumed replay counts records by partition.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)
_POSITIVE = np.uint32(0x7FFFFFFF)


def partitions_of(keys: pl.Series, partitions: int) -> npt.NDArray[np.int64]:
    """The partition of each key (no nulls), of ``partitions`` in all.

    Any producer that leaves the partition to Kafka's Java client (or to
    librdkafka's ``murmur2``) sends a record with this key to the same one.
    """
    out = np.empty(len(keys), np.int64)
    raw = keys.cast(pl.Binary)
    sizes = raw.bin.size().to_numpy()
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        same = raw if len(rows) == len(raw) else raw.gather(rows)
        array = same.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        first = np.frombuffer(array.buffers()[1], np.int64)[array.offset]
        buffer = array.buffers()[2]
        data = np.frombuffer(buffer, np.uint8)[first : first + size * len(rows)] if size else np.empty(0, np.uint8)
        out[rows] = (_murmur2(data.reshape(len(rows), size)) & _POSITIVE).astype(np.int64) % partitions
    return out


def _murmur2(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Murmur2 of keys of one length, a row each, as in Kafka's ``Utils.murmur2``."""
    rows, size = keys.shape
    hashes = np.full(rows, np.uint32(_SEED ^ size), np.uint32)
    whole = size // 4
    words = np.ascontiguousarray(keys[:, : whole * 4]).view("<u4").reshape(rows, whole)
    for place in range(whole):
        word = words[:, place] * _M
        word ^= word >> np.uint32(24)
        hashes = (hashes * _M) ^ (word * _M)
    rest = keys[:, whole * 4 :]
    if rest.shape[1]:
        for place in range(rest.shape[1]):
            hashes ^= rest[:, place].astype(np.uint32) << np.uint32(8 * place)
        hashes *= _M
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes
