from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.replay.partitioner import partitions_of

# Key and Java's Utils.murmur2, from Kafka's own tests.
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def murmur2(key: bytes) -> int:
    """Kafka's hash, a byte at a time, as an unsigned number."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        value = value * m & mask ^ k
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * m & mask
    value = (value ^ value >> 13) * m & mask
    return value ^ value >> 15


def test_known_keys_go_where_kafkas_java_client_sends_them() -> None:
    for count in (1, 3, 4, 1000):
        found = partitions_of(pl.Series(list(KNOWN)), count).tolist()
        assert found == [(value & 0x7FFFFFFF) % count for value in KNOWN.values()]


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 50))
def test_any_keys_of_any_lengths_together_go_where_each_alone_would(keys: list[str], count: int) -> None:
    found = partitions_of(pl.Series(keys, dtype=pl.String), count).tolist()
    assert found == [(murmur2(key.encode()) & 0x7FFFFFFF) % count for key in keys]


@pytest.mark.parametrize("offset", [0, 1, 5])
def test_a_slice_of_a_column_is_hashed_by_its_own_keys(offset: int) -> None:
    keys = pl.Series([f"trip-{n:04d}" for n in range(20)])
    assert partitions_of(keys.slice(offset, 9), 7).tolist() == partitions_of(keys, 7).tolist()[offset : offset + 9]
