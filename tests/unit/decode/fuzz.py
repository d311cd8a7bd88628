"""Ways in which a message can be broken, or stay whole by luck."""

from __future__ import annotations

import random
from collections.abc import Callable

Breaker = Callable[[bytes, random.Random], bytes]


def random_bytes(message: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(0, 2 * len(message)))


def random_body(message: bytes, rng: random.Random) -> bytes:
    return message[:5] + rng.randbytes(rng.randrange(0, 2 * len(message)))


def truncated(message: bytes, rng: random.Random) -> bytes:
    return message[: rng.randrange(len(message))]


def lengthened(message: bytes, rng: random.Random) -> bytes:
    return message + rng.randbytes(rng.randrange(1, 20))


def flipped_bit(message: bytes, rng: random.Random) -> bytes:
    index = rng.randrange(len(message))
    return message[:index] + bytes([message[index] ^ 1 << rng.randrange(8)]) + message[index + 1 :]


def flipped_bits(message: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(2, 6)):
        message = flipped_bit(message, rng)
    return message


def other_byte(message: bytes, rng: random.Random) -> bytes:
    index = rng.randrange(5, len(message))
    return message[:index] + bytes([rng.choice([0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF])]) + message[index + 1 :]


def byte_lost(message: bytes, rng: random.Random) -> bytes:
    index = rng.randrange(5, len(message))
    return message[:index] + message[index + 1 :]


def byte_doubled(message: bytes, rng: random.Random) -> bytes:
    index = rng.randrange(5, len(message))
    return message[: index + 1] + message[index:]


def unknown_id(message: bytes, rng: random.Random) -> bytes:
    return b"\0" + rng.randbytes(4) + message[5:]


def huge_integer(message: bytes, rng: random.Random) -> bytes:
    """A length, number or branch of up to ten bytes where something else stood."""
    index = rng.randrange(5, len(message))
    varint = bytes(0x80 | rng.randrange(128) for _ in range(rng.randrange(1, 11))) + bytes([rng.randrange(128)])
    return message[:index] + varint + message[index + 1 :]


def padded_varint(message: bytes, rng: random.Random) -> bytes:
    """One byte becomes the same integer in more bytes, which is legal where an integer stood."""
    index = rng.randrange(5, len(message))
    padding = bytes([0x80] * rng.randrange(0, 8)) + b"\0"
    return message[:index] + bytes([message[index] | 0x80]) + padding + message[index + 1 :]


BREAKERS: tuple[Breaker, ...] = (
    random_bytes,
    random_body,
    truncated,
    lengthened,
    flipped_bit,
    flipped_bits,
    other_byte,
    byte_lost,
    byte_doubled,
    unknown_id,
    huge_integer,
    padded_varint,
)
