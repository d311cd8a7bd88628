"""Nothing was committed twice: the result topics, read as readers of committed messages see them.

Tables make rows unique by their keys, so a row that is written twice shows here only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl

from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings
from hailstream.topics import DRIVER_RISK, EVENTS_REJECTED, RESULT_TOPICS, TRIPS, Topic
from tests.chaos.ledger.lines import Line
from tests.chaos.ledger.recount import ends
from tests.chaos.ledger.topics import held_back, messages


def committed_once(log: EventLog, jobs: Collection[str]) -> Iterator[Line]:
    """A line for each result topic, and one for what open transactions hide."""
    settings = log.settings
    hidden = held_back(settings, RESULT_TOPICS)
    yield Line("open transactions", 0, extra=hidden, note="messages they hide, in all result topics" if hidden else "")
    for topic in RESULT_TOPICS:
        found = messages(settings, topic)
        rows = found.group_by("value" if topic is DRIVER_RISK else "key").len("times")
        # Each job that reads events writes those that it cannot read.
        writers = len(jobs) if topic is EVENTS_REJECTED else 1
        allowed = _ends_of(rows, log, settings) if topic is TRIPS else pl.lit(writers, pl.Int64)
        more = rows.with_columns(allowed.alias("allowed")).select((pl.col("times") - pl.col("allowed")).clip(0).sum())
        yield Line(f"{topic.base}, committed", found.height, doubled=more.item(), note=_note(topic, writers))


def _ends_of(rows: pl.DataFrame, log: EventLog, settings: Settings) -> pl.Series:
    """How often each trip's end is in the log."""
    assert settings.namespace == log.settings.namespace
    trips = rows.select(pl.col("key").cast(pl.String).str.json_path_match("$.trip_id").alias("trip_id"))
    return trips.join(ends(log), on="trip_id", how="left", maintain_order="left")["times"].fill_null(0)


def _note(topic: Topic, writers: int) -> str:
    if topic is TRIPS:
        return "as often as the end is in the log"
    return f"by each of {writers} jobs" if writers > 1 else ""
