"""What a task does: rows of a file become files of a month, sorted by event time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hailstream.archive.layout import EVENT, FOLDERS, archive_columns
from hailstream.archive.months import REJECTS, Part, beside
from hailstream.archive.schema import arrow_schema
from hailstream.archive.store import Store, open_store
from hailstream.backfill.scratch import scratch_folder
from hailstream.decode.fields import MAX_TEXT_BYTES
from hailstream.decode.reasons import INVALID
from hailstream.encode.batch import BatchEncoder
from hailstream.errors import HailstreamError
from hailstream.replay.batch import why_unfit
from hailstream.replay.blocks import REJECT_SCHEMA
from hailstream.replay.loading import Input, load
from hailstream.replay.rows import Span
from hailstream.replay.sorting import EventStore
from hailstream.schemas import load_schema
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, TRIPS_STARTED, Topic

DAY_MS: Final = 86_400_000
_GROUP_ROWS: Final = 250_000
#: Values that hardly come twice: a dictionary of them would cost and save nothing.
_DISTINCT: Final = ("record_time", "event_time", "started_at", "trip_id")


@dataclass(frozen=True)
class Task:
    """A piece of a file and where its events go.

    Attributes:
        month, version: folder of the month, and in it.
        source: what people know the file by.
        input: the file, and which of its rows.
        now: an event later than this is a reject.
    """

    month: str
    version: str
    source: str
    input: Input
    now: datetime


@dataclass
class Written:
    """What a task wrote.

    Attributes:
        rows: read, those that became no event included.
        rejects: by reason.
        parts: files by topic, and of :data:`REJECTS`.
        days: by topic, first moments (ms) of days with events.
        error, hint: why nothing counts of it; empty where all went well.
        fatal: whether what failed was writing, so that others will fail too.
    """

    month: str
    rows: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    days: dict[str, set[int]] = field(default_factory=dict)
    error: str = ""
    hint: str = ""
    fatal: bool = False


def work(task: Task, settings: Settings) -> Written:
    """Read a piece and write its files; what fails is told in the result, so that other files go on."""
    try:
        with scratch_folder(settings) as folder:
            return _written(task, settings, folder)
    except HailstreamError as error:
        return Written(task.month, error=error.message.replace(str(task.input.path), task.source), hint=error.hint)
    except (OSError, pa.ArrowException) as error:
        what = f"{task.month} from {task.source} could not be written to {settings.archive_address}: {error}"
        return Written(task.month, error=what, hint="free disk, or another folder", fatal=True)


def _written(task: Task, settings: Settings, folder: Path) -> Written:
    rejects_file, done = folder / "rejects.csv", Written(task.month)
    store = EventStore(folder)
    try:
        report = load([task.input], store, Span(None, None, task.now), None, rejects_file)
        if not report.balanced:
            raise HailstreamError(f"{task.source}: the account of its rows does not add up: {report}")
        done.rows, done.rejects = report.rows_read, dict(report.rejects)
        rejects = _rejected_rows(rejects_file) if report.rejects_file else pl.DataFrame(schema=REJECT_SCHEMA)
        months = beside(open_store(TRIPS_STARTED, settings))
        with ExitStack() as stack:
            files = {topic: stack.enter_context(PartFile(months, task, topic)) for topic in EVENT_TOPICS}
            for frame in store.batches("event-time"):
                events, unfit = _fit(frame)
                if unfit.height:
                    rejects = pl.concat([rejects, unfit])
                    for reason, count in unfit["reason"].value_counts().iter_rows():
                        done.rejects[reason] = done.rejects.get(reason, 0) + count
                for topic, file in files.items():
                    file.add(events.filter(pl.col("is_end") == (topic is TRIPS_ENDED)))
        for topic, file in files.items():
            if file.part is not None:
                done.parts[topic.base] = file.part
                done.days[topic.base] = file.days
        if rejects.height:
            done.parts[REJECTS] = _write_rejects(months, task, rejects)
    finally:
        store.close()
    return done


class PartFile:
    """A file of one topic's events, in the order in which they are added; made with the first of them."""

    def __init__(self, months: Store, task: Task, topic: Topic) -> None:
        self._months, self._month = months, task.month
        self._name = f"{task.version}/{topic.base}/part-{uuid4()}"
        self._columns = archive_columns(topic)
        self._schema = arrow_schema(topic)
        self._waiting: list[pl.DataFrame] = []
        self._writer: pq.ParquetWriter | None = None
        self._sink: Any = None
        self._rows, self._first, self._last = 0, 0, 0
        self.days: set[int] = set()
        self.part: Part | None = None

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # What failed counts for nothing: whether its file can be closed does not matter.
        try:
            if kind is None:
                self._write()
        finally:
            for opened in (self._writer, self._sink):
                if opened is not None:
                    opened.close()
        if kind is None and self._rows:
            self.part = Part(self._name, self._rows, self._first, self._last)

    def add(self, events: pl.DataFrame) -> None:
        """Take events of ``EVENT_SCHEMA``, none of them earlier than those before."""
        self._waiting.append(events)
        if sum(frame.height for frame in self._waiting) >= _GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        events = pl.concat(self._waiting) if self._waiting else pl.DataFrame()
        self._waiting = []
        if not events.height:
            return
        times = events["event_time"].dt.epoch("ms")
        if not self._rows:
            self._first = int(times[0])
        self._rows, self._last = self._rows + events.height, int(times[-1])
        self.days.update(np.unique(times.to_numpy() // DAY_MS * DAY_MS).tolist())
        table = archived(events, self._columns).to_arrow().cast(self._schema)
        if self._writer is None:
            path = self._months.path(f"{self._month}/{self._name}")
            self._months.files.create_dir(path.rpartition("/")[0], recursive=True)
            self._sink = self._months.files.open_output_stream(path)
            dictionary = [name for name in self._schema.names if name not in _DISTINCT]
            self._writer = pq.ParquetWriter(
                self._sink, self._schema, compression="zstd", use_dictionary=dictionary, store_schema=False
            )
        self._writer.write_table(table, row_group_size=_GROUP_ROWS)


def archived(events: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """Events of ``EVENT_SCHEMA`` as rows of the archive, without a place in a log.

    Args:
        columns: of :func:`hailstream.archive.layout.archive_columns`.
    """
    of_record = {"record_time": pl.col("event_time"), "kind": pl.lit(EVENT)}
    amounts = {f"{name.removesuffix('_amount')}_cents": pl.col(name) for name in events.columns}
    expressions = []
    for name in columns:
        if name in FOLDERS:
            continue
        known = of_record.get(name)
        if known is None:
            known = pl.col(name) if name in events.columns else amounts.get(name, pl.lit(None))
        expressions.append(known.alias(name))
    return events.select(expressions).with_columns(pl.col(pl.Datetime("ms", "UTC")).dt.replace_time_zone(None))


def _fit(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events that a topic can hold and the stream can read; the others as rejects without a row of the file."""
    encoders = {topic: BatchEncoder(load_schema(topic), 0) for topic in EVENT_TOPICS}
    endless = pl.any_horizontal(pl.col(pl.String).str.len_bytes() > MAX_TEXT_BYTES)
    why = pl.coalesce(why_unfit(encoders), pl.when(endless).then(pl.lit(INVALID)))
    marked = events.with_columns(why.alias("why"))
    if marked["why"].null_count() == events.height:
        return events, pl.DataFrame(schema=REJECT_SCHEMA)
    rejects = marked.filter(pl.col("why").is_not_null()).select(
        row=pl.lit(None, pl.Int64),
        reason="why",
        column=pl.lit(None, pl.String),
        text=pl.struct(events.drop("raw").columns).struct.json_encode(),
    )
    return marked.filter(pl.col("why").is_null()).drop("why"), rejects


def _rejected_rows(file: Path) -> pl.DataFrame:
    return pl.read_csv(file, schema_overrides=REJECT_SCHEMA, columns=list(REJECT_SCHEMA))


def _write_rejects(months: Store, task: Task, rejects: pl.DataFrame) -> Part:
    name = f"{task.version}/{REJECTS}/part-{uuid4()}"
    path = months.path(f"{task.month}/{name}")
    months.files.create_dir(path.rpartition("/")[0], recursive=True)
    table = rejects.select(pl.lit(task.source).alias("file"), *REJECT_SCHEMA).to_arrow()
    pq.write_table(table, path, filesystem=months.files, compression="zstd")
    return Part(name, rejects.height, 0, 0)
