"""A namespace's event log, read once, for all that is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from hailstream.flink.event_time import parse_horizon
from hailstream.proof.alert_queries import prepare
from hailstream.proof.log import load_log
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

LOGS = {"started_log": TRIPS_STARTED, "ended_log": TRIPS_ENDED}


class EventLog:
    """The tables ``started_log`` and ``ended_log`` of :func:`load_log`.

    Args:
        settings: namespace, disorder and horizon as the jobs had them.
        progress: told how many records of a topic were read.
        work_dir: for DuckDB's spill files.

    Attributes:
        connection: that has the tables.

    Raises:
        HailstreamError: the log cannot be read.
    """

    # Not set in __init__: a log that is filled by other means has one of its own.
    _prepared = False

    def __init__(
        self, settings: Settings, progress: Callable[[int], None] = lambda _: None, *, work_dir: Path | None = None
    ) -> None:
        self.settings = settings
        self.connection = duckdb.connect()
        if work_dir is not None:
            self.connection.execute("SET temp_directory = ?", [str(work_dir)])
        for table, topic in LOGS.items():
            load_log(self.connection, table, topic, settings, progress)

    @property
    def disorder_ms(self) -> int:
        return round(self.settings.max_disorder * 1000)

    @property
    def horizon_ms(self) -> int | None:
        text = self.settings.horizon
        return None if text is None else round(parse_horizon(text).timestamp() * 1000)

    @property
    def plausible(self) -> str:
        """SQL: the record is not from beyond the horizon."""
        return "true" if self.horizon_ms is None else f"record_time <= {self.horizon_ms}"

    def prepare(self) -> None:
        """Make the tables of :func:`hailstream.proof.alert_queries.prepare`, unless they are there."""
        if not self._prepared:
            prepare(self.connection, disorder_ms=self.disorder_ms, horizon_ms=self.horizon_ms)
            self._prepared = True

    def value(self, query: str) -> Any:
        """The one value of a query."""
        return self.connection.execute(query).fetchall()[0][0]
