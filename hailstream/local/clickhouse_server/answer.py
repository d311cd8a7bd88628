"""A result on its way out: pieces of a body, counted and compressed as they pass."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

from hailstream.local.clickhouse_server.compression import choose, compressor
from hailstream.local.clickhouse_server.engine import Block, Counts

# Held back before the status line goes out, so that an error so far still gets its status.
HOLD_BYTES = 1 << 20


class Answer:
    """What a statement results in, piece by piece.

    Args:
        blocks: the result, each block in the output format.
        output: its format; None for a statement that has no result.
        accept_encoding: what the client can undo.

    Iterating raises the engine's ClickHouseError where it happens.
    :meth:`close` must be called at the end, whatever that is.
    """

    def __init__(self, blocks: Iterator[Block], output: str | None, accept_encoding: str = "") -> None:
        self._blocks = blocks
        self._held: list[bytes] = []
        self._ended = False
        self.output = output
        self.encoding = choose(accept_encoding) if output is not None else None
        self._packer = compressor(self.encoding) if self.encoding else None
        #: Of what has passed so far.
        self.counts = Counts()
        #: Closed with the answer.
        self.resources = ExitStack()
        if callable(close := getattr(blocks, "close", None)):
            self.resources.callback(close)

    def hold(self, *, everything: bool) -> None:
        """Run until there is enough to begin sending, or to the end."""
        size = 0
        for piece in self._pieces():
            self._held.append(piece)
            size += len(piece)
            if size >= HOLD_BYTES and not everything:
                return

    @property
    def complete(self) -> bool:
        """Whether nothing more will come from the engine."""
        return self._ended

    @property
    def body(self) -> Iterator[bytes]:
        """What is held, then what follows."""
        return itertools.chain(self._held, self._pieces())

    def last_words(self, text: bytes) -> bytes:
        """``text`` as the end of a body that breaks off here, in its encoding."""
        return self._packer.compress(text) + self._packer.flush() if self._packer else text

    def close(self) -> None:
        self.resources.close()

    def _pieces(self) -> Iterator[bytes]:
        if self._ended:
            return
        for block in self._blocks:
            self.counts += block.counts
            yield self._packer.compress(block.data) if self._packer else block.data
        self._ended = True
        if self._packer:
            yield self._packer.flush()
