"""Reconcile: recompute, compare, correct."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hailstream.archive.manifest import Manifest, read_manifest
from hailstream.archive.store import Store, open_store
from hailstream.batch.runs import BatchRun
from hailstream.clickhouse import reachable
from hailstream.decode import reasons
from hailstream.errors import HailstreamError
from hailstream.flink.event_time import parse_horizon
from hailstream.reconcile.corrections import corrected_rows, write
from hailstream.reconcile.drift import drift, found_rows, late_minutes
from hailstream.reconcile.reach import Reach, reach_of
from hailstream.settings import Settings
from hailstream.spark.archive import read_records
from hailstream.spark.event_sql import register_functions, window_events_sql
from hailstream.spark.window_sql import compile_metric
from hailstream.windows import METRICS, WindowedMetric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class MetricResult:
    """How a metric's table compared with the archive.

    Attributes:
        begin, end: windows that end in (begin, end] were compared.
        held_by: what kept ``end`` from being later: archive, job, loader, or the range that was asked for.
        events: that were read.
        rows: that there should be.
        kinds: differing rows by (kind, reason).
        corrected: rows written.
    """

    metric: str
    begin: datetime
    end: datetime
    held_by: str
    events: int
    rows: int
    kinds: dict[tuple[str, str], int] = field(default_factory=dict)
    corrected: int = 0

    @property
    def differing(self) -> int:
        return sum(self.kinds.values())

    def as_detail(self) -> dict[str, object]:
        """For the record of the run."""
        kinds = {f"{kind}, {reason}": count for (kind, reason), count in self.kinds.items()}
        return asdict(self) | {"kinds": kinds, "differing": self.differing}


class Reconciler:
    """Recomputes metrics from the archive with Spark and compares ClickHouse with that.

    Args:
        spark: a session of :func:`hailstream.spark.session.open_session`.
        settings: namespace, archive, disorder and horizon as the jobs have them.
        say: told what is going on, a line each.
    """

    def __init__(self, spark: SparkSession, settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
        self._spark = spark
        self._settings = settings
        self._say = say
        register_functions(spark)

    def reconcile(
        self, metric: WindowedMetric, begin: datetime | None, end: datetime | None, run: BatchRun | None
    ) -> MetricResult:
        """Compare one metric, and correct it where a run is given that may write.

        Args:
            begin, end: windows that end in (begin, end]; None: from the first event, up to what is final.

        Raises:
            HailstreamError: the archive has nothing, or a server is away.
        """
        settings, topic = self._settings, metric.events
        store = open_store(topic, settings)
        manifest = read_manifest(store)
        if not manifest.partitions:
            raise HailstreamError(
                f"the archive of {topic.name(settings.namespace)} in {store.root} is empty",
                hint="`hailstream jobs run archive` fills it",
            )
        everything = read_records(self._spark, topic, store, manifest, None, None)
        reach = reach_of(metric, everything, settings, self._horizon())
        if reach.first is None:
            raise HailstreamError(f"the archive of {topic.name(settings.namespace)} in {store.root} holds no event")
        begin = begin or _EPOCH + timedelta(milliseconds=reach.first) - metric.slide
        final, held_by = _EPOCH + timedelta(milliseconds=reach.until), reach.held_by
        if end is not None and end < final:
            final, held_by = end, "the range"
        if final <= begin:
            raise HailstreamError(
                f"{metric.name}: nothing between {begin:%Y-%m-%d %H:%M} and {final:%Y-%m-%d %H:%M} is final; "
                f"{_told(reach)}",
                hint="wait for it, or ask for an earlier range",
            )
        self._say(f"{metric.name}: computing {begin:%Y-%m-%d %H:%M} to {final:%Y-%m-%d %H:%M} UTC again")
        events = self._events(metric, store, manifest, begin, final).persist()
        truth = self._truth(metric, events, begin, final).persist()
        found = found_rows(self._spark, metric, settings, begin, final)
        late = late_minutes(self._spark, metric, settings, begin - metric.size - metric.active_for, final)
        differing = drift(metric, truth, found, late, settings.generation).persist()
        try:
            counted = differing.groupBy("kind", "reason").count().collect()
            kinds = {(row["kind"], row["reason"]): row["count"] for row in counted}
            corrected = 0
            if run is not None and kinds:
                self._say(f"{metric.name}: writing {sum(kinds.values()):,} corrected rows")
                corrected = write(metric, corrected_rows(metric, differing), settings, run.number)
            return MetricResult(metric.name, begin, final, held_by, events.count(), truth.count(), kinds, corrected)
        finally:
            for frame in (differing, truth, events):
                frame.unpersist()

    def _events(
        self, metric: WindowedMetric, store: Store, manifest: Manifest, begin: datetime, end: datetime
    ) -> DataFrame:
        """The events of the range as windows read them."""
        self._records(metric, store, manifest, begin, end).createOrReplaceTempView("records")
        return self._spark.sql(window_events_sql(metric.columns, "records"))

    def _records(
        self, metric: WindowedMetric, store: Store, manifest: Manifest, begin: datetime, end: datetime
    ) -> DataFrame:
        """What the windows of that range are made of: zeros follow an event for an hour."""
        records = read_records(
            self._spark, metric.events, store, manifest, begin - metric.size - metric.active_for, end
        )
        horizon = self._settings.horizon
        if horizon is not None:
            return records.where(f"unix_millis(record_time) <= {self._horizon()}")
        # Live, the clock decided what was from the future, and only the stream knows.
        query = (
            "SELECT toInt32(partition), toInt64(offset) FROM rejected"
            " WHERE topic = {topic:String} AND reason = {reason:String}"
        )
        asked = {"topic": metric.events.name(self._settings.namespace), "reason": reasons.FUTURE}
        with reachable(self._settings, database=self._settings.database) as client:
            future = client.query(query, asked).result_rows
        if not future:
            return records
        places = self._spark.createDataFrame(future, "kafka_partition int, kafka_offset long")
        return records.join(places, ["kafka_partition", "kafka_offset"], "left_anti")

    def _truth(self, metric: WindowedMetric, events: DataFrame, begin: datetime, end: datetime) -> DataFrame:
        events.createOrReplaceTempView("window_events")
        rows = self._spark.sql(compile_metric(metric, "window_events"))
        first, last = (round((moment - _EPOCH) / timedelta(milliseconds=1)) for moment in (begin, end))
        return rows.where(f"window_end > {first} AND window_end <= {last}")

    def _horizon(self) -> int:
        """Records beyond it are none (ms): the declared end of a replay, or the next minute."""
        horizon = self._settings.horizon
        moment = datetime.now(UTC) + _AHEAD if horizon is None else parse_horizon(horizon)
        return round(moment.timestamp() * 1000)


def chosen_metrics(names: Sequence[str]) -> list[WindowedMetric]:
    """Metrics by name; all for none.

    Raises:
        HailstreamError: there is no metric of a name.
    """
    for name in names:
        if name not in METRICS:
            raise HailstreamError(f"no metric {name!r}", hint=f"the metrics are: {', '.join(METRICS)}", exit_code=2)
    return [METRICS[name] for name in dict.fromkeys(names)] or list(METRICS.values())


def _told(reach: Reach) -> str:
    parts = {"archive": reach.archive, "job": reach.job, "loader": reach.loader}
    return ", ".join(
        f"{name} has come to {_EPOCH + timedelta(milliseconds=value):%Y-%m-%d %H:%M}"
        for name, value in parts.items()
        if value is not None
    )
