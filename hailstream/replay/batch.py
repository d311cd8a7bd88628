"""A batch of events made ready to send: refused rows out, bytes, partitions and heartbeats in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from hailstream.encode.batch import BatchEncoder
from hailstream.replay.events import EVENT_SCHEMA
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import Beat, HeartbeatPlan
from hailstream.replay.partitioner import partitions_of
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, TRIPS_STARTED, Topic

NO_KEY = "no_trip_id"
NO_TIME = "no_event_time"
BEFORE_1970 = "before_1970"
FUTURE = "future"
TOO_LARGE = "too_large"
LARGEST = 900_000  # bytes of a message; Kafka takes a million

_TEXTS = [name for name, kind in EVENT_SCHEMA.items() if kind == pl.String]
_SIZE = pl.sum_horizontal(pl.col("raw").bin.size(), *(pl.col(name).str.len_bytes() for name in _TEXTS))
ROW = "_row"
_WHY = "_why"


def why_unfit(encoders: Mapping[Topic, BatchEncoder]) -> pl.Expr:
    """Why an event of ``EVENT_SCHEMA`` is none that a topic can hold; null for those that it can.

    Args:
        encoders: for each event topic.
    """
    encodable = pl.when(pl.col("raw").is_null())
    return pl.coalesce(
        pl.when(pl.col("trip_id").is_null()).then(pl.lit(NO_KEY)),
        pl.when(pl.col("event_time").is_null()).then(pl.lit(NO_TIME)),
        # A record stamped 0 would be stamped by the broker's clock, an earlier one refused by it.
        pl.when(pl.col("event_time").dt.epoch("ms") <= 0).then(pl.lit(BEFORE_1970)),
        pl.when(_SIZE > LARGEST).then(pl.lit(TOO_LARGE)),
        encodable.then(
            pl.when(pl.col("is_end")).then(encoders[TRIPS_ENDED].problem()).otherwise(encoders[TRIPS_STARTED].problem())
        ),
    )


@dataclass(frozen=True)
class ReadyBatch:
    """Messages in sending order, one entry a message in each list.

    Attributes:
        rows: where each message stood in the frame it comes from.
        times: record timestamps, ms.
        reached: event time reached with each message, ms.
        beats: heartbeats, placed by message.
        refused: rows that are not sent, with ``reason`` and their row in the frame.
        height: rows of the frame, refused ones included.
    """

    topics: list[str]
    values: list[bytes]
    keys: list[str]
    partitions: list[int]
    times: list[int]
    reached: npt.NDArray[np.int64]
    rows: list[int]
    beats: list[Beat]
    refused: pl.DataFrame
    height: int

    def row_after(self, messages: int) -> int:
        """Rows of the frame that are dealt with once so many messages are sent."""
        return self.rows[messages] if messages < len(self.rows) else self.height


class Preparer:
    """Makes batches ready, one after the other.

    Args:
        encoders: for each event topic.
        names: the topics' names in the namespace.
        partitions: their numbers of partitions, by name.
    """

    def __init__(
        self,
        encoders: Mapping[Topic, BatchEncoder],
        names: Mapping[Topic, str],
        partitions: Mapping[str, int],
        future: FutureRule,
        heartbeats: HeartbeatPlan,
    ) -> None:
        self._encoders = encoders
        self._names = names
        self._partitions = partitions
        self._future = future
        self._heartbeats = heartbeats

    def ready(self, frame: pl.DataFrame) -> ReadyBatch:
        """The messages of a frame of events."""
        kept, refused = self._refuse(frame.with_row_index(ROW))
        times = kept["event_time"].dt.epoch("ms").to_numpy()
        reached, beats = self._heartbeats.advance(times)
        values: list[bytes] = [b""] * kept.height
        topics: list[str] = [""] * kept.height
        partitions = np.zeros(kept.height, np.int64)
        is_end = kept["is_end"].to_numpy().astype(bool)
        for topic in EVENT_TOPICS:
            rows = np.flatnonzero(is_end == (topic is TRIPS_ENDED))
            if not rows.size:
                continue
            own = kept.gather(rows)
            name = self._names[topic]
            partitions[rows] = partitions_of(own["trip_id"], self._partitions[name])
            for row, value in zip(rows.tolist(), self._messages(topic, own), strict=True):
                values[row] = value
                topics[row] = name
        return ReadyBatch(
            topics=topics,
            values=values,
            keys=kept["trip_id"].to_list(),
            partitions=partitions.tolist(),
            times=times.tolist(),
            reached=reached,
            rows=kept[ROW].to_list(),
            beats=beats,
            refused=refused,
            height=frame.height,
        )

    def _messages(self, topic: Topic, rows: pl.DataFrame) -> list[bytes]:
        raw = rows["raw"]
        if raw.null_count() == rows.height:
            return self._encoders[topic].encode(rows)
        given: list[bytes | None] = raw.to_list()
        encoded = iter(self._encoders[topic].encode(rows.filter(raw.is_null())))
        return [next(encoded) if value is None else value for value in given]

    def _refuse(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        why = why_unfit(self._encoders)
        frame = frame.with_columns(why.alias(_WHY))
        good = frame[_WHY].is_null().to_numpy()
        times = frame["event_time"].dt.epoch("ms").fill_null(0).to_numpy()
        early = self._future.refused(times, good, self._heartbeats.reached)
        if early.any():
            frame = frame.with_columns(
                pl.when(pl.Series(early)).then(pl.lit(FUTURE)).otherwise(pl.col(_WHY)).alias(_WHY)
            )
        if frame[_WHY].null_count() == frame.height:
            return frame, frame.clear().rename({_WHY: "reason"})
        refused = frame.filter(pl.col(_WHY).is_not_null()).rename({_WHY: "reason"})
        return frame.filter(pl.col(_WHY).is_null()), refused
