"""The function that applies rules for single events: it remembers nothing and waits for nothing."""

from __future__ import annotations

from collections.abc import Iterable

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from hailstream.domain.alerts.single import alerts
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Ended
from hailstream.flink.answers import AnswerRows
from hailstream.folds.groups import Group
from hailstream.topics import TRIPS_ENDED


class JudgePackets(KeyedProcessFunction):  # type: ignore[misc]
    """Finds what is wrong with ends by themselves.

    Args:
        group: ``single``.
        thresholds: of the rules.
        rows: from answers to the rows that leave.
    """

    def __init__(self, group: Group, thresholds: Thresholds, rows: AnswerRows) -> None:
        self._group = group
        self._thresholds = thresholds
        self._rows = rows

    def open(self, _: RuntimeContext) -> None:
        from hailstream.folds.packets import packet_schema

        self._schema = packet_schema(self._group, TRIPS_ENDED)

    def process_element(self, value: Row, _ctx: KeyedProcessFunction.Context) -> Iterable[Row]:
        """Judge a packet: (topic, packet, watermark that its first event met)."""
        from hailstream.folds.packets import unpack

        _, packet, watermark = value
        events = unpack(self._group, TRIPS_ENDED, self._schema, packet, watermark.to_epoch_milli())
        return self._rows(alerts([event for event in events if isinstance(event, Ended)], self._thresholds), 0)
