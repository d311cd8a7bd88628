"""History out of trip files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from hailstream.domain.forecast.history import History, history_of, main_stretch
from hailstream.domain.forecast.week import QUARTER_MS
from hailstream.errors import HailstreamError
from hailstream.evaluate.events import placed
from hailstream.replay.events import open_source


def history_of_files(files: Sequence[str]) -> History:
    """The starts in trip files (or ``sim:...``), read as a replay does.

    Rows with a date far from the others are left out: of the stretches without six hours of silence
    the one with most starts is taken. Its first and last quarters may be incomplete.

    Raises:
        HailstreamError: a file is missing or cannot be read, or there are no starts.
    """
    with tempfile.TemporaryDirectory(prefix="hailstream-") as folder:
        source = open_source(files, work_dir=Path(folder))
        parts = [
            placed(frame.filter(~pl.col("is_end")))
            .group_by("zone_id", quarter=pl.col("event_time").dt.epoch("ms") // QUARTER_MS)
            .len("starts")
            for frame in source.batches()
        ]
        if (close := getattr(source, "close", None)) is not None:
            close()
    rows = pl.concat(parts) if parts else pl.DataFrame()
    if rows.is_empty():
        raise HailstreamError(f"{', '.join(files)}: no trip starts", hint="give trip files of some weeks", exit_code=2)
    begin, end = main_stretch(rows["quarter"].to_numpy())
    rows = rows.filter(pl.col("quarter").is_between(begin, end, closed="left"))
    return history_of(*(rows[name].to_numpy() for name in ("zone_id", "quarter", "starts")))
