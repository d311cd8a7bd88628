"""A fold's pages in keyed state: what was kept can be had again, what was replaced goes bit by bit."""

from __future__ import annotations

from typing import Any, cast

from pyflink.datastream import RuntimeContext

from hailstream.flink.kept_state import FlinkState


class Value:
    """A ValueState."""

    def __init__(self) -> None:
        self.held: Any = None

    def value(self) -> Any:
        return self.held

    def update(self, value: Any) -> None:
        self.held = value

    def clear(self) -> None:
        self.held = None


class Keyed:
    """The states of one key."""

    def __init__(self) -> None:
        self.pages: Pages = Pages()

    def get_map_state(self, _: object) -> Pages:
        return self.pages

    def get_state(self, _: object) -> Value:
        return Value()


class Pages(dict[int, bytes]):
    """A MapState."""

    def put(self, page: int, content: bytes) -> None:
        self[page] = content

    def remove(self, page: int) -> None:
        del self[page]


def kept() -> tuple[FlinkState, Pages]:
    keyed = Keyed()
    return FlinkState(cast("RuntimeContext", keyed)), keyed.pages


def test_a_snapshot_of_many_pages_and_the_log_behind_it_are_read_back() -> None:
    state, pages = kept()
    snapshot = bytes(range(256)) * 10_000  # more than two pages
    state.append(b"before")
    state.replace(snapshot)
    state.append(b"a")
    state.append(b"b")
    state.reach(7)
    assert (state.snapshot(), list(state.log()), state.reached()) == (snapshot, [b"a", b"b"], 7)
    assert sum(map(len, pages.values())) < len(snapshot)


def test_pages_that_a_snapshot_replaced_are_gone_after_half_as_many_records() -> None:
    state, pages = kept()
    for number in range(100):
        state.append(f"{number}".encode())
    state.replace(b"all of them")
    assert len(pages) == 101
    for number in range(50):
        assert len(pages) == 101 - number
        state.append(b"next")
    state.append(b"next")
    assert len(pages) == 52
    assert (state.snapshot(), len(list(state.log()))) == (b"all of them", 51)


def test_nothing_is_left_of_what_was_cleared() -> None:
    state, pages = kept()
    state.append(b"a")
    state.replace(b"b")
    state.clear()
    assert not pages
    assert (state.snapshot(), list(state.log()), state.reached()) == (None, [], None)
