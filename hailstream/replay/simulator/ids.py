"""Pseudonymous ids and repeatable draws, both made of numbers by one mixing function.

A draw depends on what it is for (a trip's serial number and a salt), not on
when it is made. So batches can be cut anywhere, and a run with faults has the
same city as one without.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Keys: TypeAlias = npt.NDArray[np.uint64]

_HEX = np.frombuffer(b"".join(b"%02x" % value for value in range(256)), np.uint16)


def mixed(numbers: npt.NDArray[Any], salt: int) -> Keys:
    """A permutation of the 64-bit numbers that looks random (SplitMix64's finaliser): never two alike."""
    z = numbers.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draws(numbers: npt.NDArray[Any], salt: int) -> npt.NDArray[np.float64]:
    """A number from 0 to below 1 for each."""
    # Twice: the numbers are consecutive, and salts are too.
    return (mixed(mixed(numbers, salt), 1) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hex_text(keys: Keys) -> pl.Series:
    """Sixteen hex digits each; their order as text is the order of the keys."""
    digits = _HEX[keys.astype(">u8").view(np.uint8)]
    offsets = pa.py_buffer(np.arange(len(keys) + 1, dtype=np.int64) * 16)
    text = pa.LargeStringArray.from_buffers(len(keys), offsets, pa.py_buffer(digits.tobytes()))
    return pl.Series(values=pl.from_arrow(text))
