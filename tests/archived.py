"""Archives for tests: events of trip files, written as job archive writes them, but with fewer files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from hailstream.archive.layout import NO_DATE, topic_folder
from hailstream.archive.schema import polars_schema
from hailstream.replay.events import open_source
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED

#: Columns of ends that have another name in the archive.
_CENTS = ("fare", "tip", "tolls", "total")
_MORE_CENTS = ("extra", "mta_tax", "improvement_surcharge", "congestion_surcharge")


def archive_ends(settings: Settings, files: Sequence[Path], work_dir: Path) -> pl.DataFrame:
    """Archive the ends of trips in files, a file for each month; the records."""
    source = open_source([str(path) for path in files], work_dir=work_dir)
    events = pl.concat([frame.filter("is_end") for frame in source.batches()])
    cents = {f"{name}_cents": f"{name}_amount" for name in _CENTS} | {f"{name}_cents": name for name in _MORE_CENTS}
    return archive_records(
        settings, events.with_columns(**{new: pl.col(old) for new, old in cents.items()}), each="1mo"
    )


def archive_records(
    settings: Settings, events: pl.DataFrame, *, first_offset: int = 0, each: str = "1d"
) -> pl.DataFrame:
    """Archive records of ``trips.ended.v1`` in the order of their rows; columns that are not given are null.

    Args:
        each: time that a file is of.
    """
    columns = polars_schema(TRIPS_ENDED)
    given = {
        "kafka_partition": pl.lit(0),
        "kafka_offset": pl.int_range(first_offset, first_offset + events.height),
        "record_time": pl.col("event_time"),
        "kind": pl.lit("event"),
    } | {name: pl.col(name) for name in events.columns}
    times = [name for name, held in columns.items() if isinstance(held, pl.Datetime)]
    records = events.select(
        **{name: given.get(name, pl.lit(None)) for name in columns},
    ).with_columns(pl.col(name).dt.replace_time_zone(None) for name in times if name in given)
    records = records.cast(columns).with_columns(  # type: ignore[arg-type]
        event_date=pl.col("record_time").dt.truncate(each).dt.strftime("%Y-%m-%d"), event_hour=pl.lit(NO_DATE)
    )
    root = Path(settings.archive_address.removeprefix("file://")) / topic_folder(TRIPS_ENDED, settings.namespace)
    for (day,), rows in records.partition_by("event_date", as_dict=True).items():
        folder = root / f"event_date={day}" / f"event_hour={NO_DATE}"
        folder.mkdir(parents=True, exist_ok=True)
        rows.drop("event_date", "event_hour").write_parquet(folder / f"part-{first_offset}")
    return records
