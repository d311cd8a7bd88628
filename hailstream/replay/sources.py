"""Trip files as a source of events."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from hailstream.errors import HailstreamError
from hailstream.replay.events import EventSource, Order, SourceReport, utc_now
from hailstream.replay.layouts import Shape
from hailstream.replay.loading import Input, load
from hailstream.replay.parquet import MAGIC, parquet_layout
from hailstream.replay.rows import Span
from hailstream.replay.sorting import EventStore
from hailstream.replay.text import text_layout


def open_files(
    specs: Sequence[str],
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    order: Order = "event-time",
    work_dir: Path,
    now: Callable[[], datetime] = utc_now,
) -> EventSource:
    """A source of the events in files; parameters as in :func:`hailstream.replay.events.open_source`.

    The layout of every file is checked here, its rows are read when they are first asked for.

    Raises:
        HailstreamError: a file is missing, cannot be read, or has no layout that is known;
            or there are fares without the trips they belong to.
    """
    if limit is not None and limit < 1:
        raise HailstreamError(f"the limit is {limit}", hint="ask for at least one row", exit_code=2)
    if start is not None and until is not None and until <= start:
        raise HailstreamError(
            f"nothing lies between {start.isoformat()} and {until.isoformat()}", hint="give the earlier time first"
        )
    inputs = [inspect_file(path) for path in expand(specs)]
    _check_fares(inputs)
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HailstreamError(f"{work_dir}: cannot be made: {error.strerror}") from None
    return FileSource(inputs, Span(start, until, now()), limit=limit, order=order, work_dir=work_dir)


class FileSource:
    """Events of trip files. Everything is read and put in order when first asked for, then sent from disk.

    ``limit`` counts rows, in the order of the files, that give an event within the asked times.
    """

    def __init__(self, inputs: Sequence[Input], span: Span, *, limit: int | None, order: Order, work_dir: Path) -> None:
        self.name = ", ".join(i.path.name for i in inputs)
        self._inputs = inputs
        self._span = span
        self._limit = limit
        self._order: Order = order
        self._work_dir = work_dir
        self._store: EventStore | None = None
        self._report = SourceReport(0, 0)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of about 50,000 events in sending order; the same on each call."""
        yield from self._loaded().batches(self._order)

    def report(self) -> SourceReport:
        """The account of every row read."""
        self._loaded()
        return self._report

    def bounds(self) -> tuple[datetime, datetime] | None:
        """First and last event time, UTC; None when there is no event."""
        return self._loaded().bounds()

    def total_events(self) -> int:
        """Number of events to come."""
        return self._loaded().total()

    def close(self) -> None:
        """Remove the sorted rows from disk."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _loaded(self) -> EventStore:
        if self._store is None:
            try:
                store = EventStore(self._work_dir)
                self._report = load(self._inputs, store, self._span, self._limit, self._work_dir / "rejects.csv")
            except OSError as error:
                raise HailstreamError(
                    f"{self._work_dir}: cannot be written: {error.strerror or error}",
                    hint="free disk, or another folder",
                ) from None
            self._store = store
        return self._store


def expand(specs: Sequence[str]) -> list[Path]:
    """The files that ``specs`` name: a path that exists is itself, anything else is a glob.

    Raises:
        HailstreamError: nothing is there.
    """
    paths: list[Path] = []
    for spec in specs:
        if spec.startswith("sim:"):
            raise HailstreamError(f"{spec}: a simulation cannot be mixed with files", hint="replay it alone")
        path = Path(spec).expanduser()
        if path.is_dir():
            raise HailstreamError(f"{path}: a folder", hint=f"name files in it, e.g. '{path}/*.parquet'")
        found = [path] if path.exists() else _matching(path)
        if not found:
            raise HailstreamError(
                f"{path}: no such file", hint="`hailstream fetch green 2024-01` gets an official monthly file"
            )
        paths += found
    if not paths:
        raise HailstreamError("no file given", hint="give files, globs or sim:", exit_code=2)
    return paths


def _matching(pattern: Path) -> list[Path]:
    # Path.glob wants a pattern relative to a folder; this takes it as people write it.
    return [Path(file) for file in sorted(glob.glob(str(pattern))) if Path(file).is_file()]  # noqa: PTH207


def inspect_file(path: Path) -> Input:
    """A file and its layout.

    Raises:
        HailstreamError: it cannot be read, or has no layout that is known.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise HailstreamError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not start:
        raise HailstreamError(f"{path}: empty")
    if start == MAGIC or path.suffix.lower() in (".parquet", ".pq"):
        return Input(path, parquet_layout(path), is_parquet=True)
    return Input(path, text_layout(path), is_parquet=False)


def _check_fares(inputs: Sequence[Input]) -> None:
    shapes = {i.layout.shape for i in inputs}
    labels = {i.layout.label for i in inputs if i.layout.shape is Shape.TRIPS}
    for source in inputs:
        alone = (source.layout.shape is Shape.RIDE_FARES and Shape.RIDES not in shapes) or (
            source.layout.shape is Shape.TRIP_FARES and "foil" not in labels
        )
        if alone:
            raise HailstreamError(
                f"{source.path}: fares alone, without the trips they belong to",
                hint="give the ride file (or trip_data file) too",
            )
