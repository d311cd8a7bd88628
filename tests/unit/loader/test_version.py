"""The order of versions is the order of truth."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.errors import HailstreamError
from hailstream.loader.version import MAX_EPOCH, MAX_OFFSET, Authority, pack, stream_sequence, stream_versions

parts = st.tuples(
    st.integers(0, 2**16 - 1), st.sampled_from(Authority), st.integers(0, MAX_EPOCH), st.integers(0, MAX_OFFSET)
)


def version(generation: int, authority: Authority, epoch: int, offset: int) -> int:
    return pack(generation, authority, stream_sequence("t", epoch, offset))


@given(parts, parts)
def test_versions_order_as_generation_authority_epoch_and_offset_do(
    one: tuple[int, Authority, int, int], other: tuple[int, Authority, int, int]
) -> None:
    assert (version(*one) < version(*other)) == (one < other)
    assert 0 <= version(*one) < 2**64


@given(
    st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(0, MAX_OFFSET)), max_size=20), st.integers(0, MAX_EPOCH)
)
def test_a_column_of_versions_is_that_of_single_ones(rows: list[tuple[int, int]], epoch: int) -> None:
    generations = pl.Series([g for g, _ in rows], dtype=pl.Int32)
    offsets = pl.Series([o for _, o in rows], dtype=pl.Int64)
    assert stream_versions("t", epoch, generations, offsets).to_list() == [
        version(g, Authority.STREAM, epoch, o) for g, o in rows
    ]


@pytest.mark.parametrize(("epoch", "offset", "word"), [(MAX_EPOCH + 1, 0, "made anew"), (0, MAX_OFFSET + 1, "offset")])
def test_what_does_not_fit_is_an_error_that_says_what_to_do(epoch: int, offset: int, word: str) -> None:
    with pytest.raises(HailstreamError, match=word) as raised:
        stream_versions("zone.counts.v1", epoch, pl.Series([1, 1]), pl.Series([0, offset]))
    assert "zone.counts.v1" in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(("generation", "sequence"), [(2**16, 0), (-1, 0), (0, 2**40), (0, -1)])
def test_a_part_never_spills_into_its_neighbour(generation: int, sequence: int) -> None:
    with pytest.raises(ValueError, match="is not in"):
        pack(generation, Authority.BATCH, sequence)
