"""How old an alert is when Redis publishes it, by rule."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from confluent_kafka import Consumer, KafkaError, TopicPartition

from bench.context import Context
from bench.eventlog import simulation
from bench.figures import Figure, Target
from bench.live import send_paced, until_the_end_of
from bench.redis_alerts import PublishedAlerts
from hailstream.domain.alerts.alert import END_DISAGREES, RULES
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import ALERTS, TRIPS_ENDED

RATE: Final = 5_000
SPEED: Final = 6  # event seconds a second
# Seconds of the clock: how long events are sent, and how long nothing is counted, while code is compiled.
_SECONDS, _WARM_UP = 240, 150
_SINGLE_MS: Final = 200
_WAITING_MS: Final = 500


def alert_ages(context: Context) -> Iterator[Figure]:
    """Milliseconds from the event that an alert needed last to its message from Redis, with every job at work."""
    context.say(f"{RATE:,} events/s for {_SECONDS} s")
    ages, pace = _run(context.settings)
    for waits in (False, True):
        target = _WAITING_MS + context.settings.max_disorder * 1000 / SPEED if waits else _SINGLE_MS
        rules = [rule.name for rule in RULES.values() if rule.waits == waits]
        some = ages.filter(pl.col("rule").is_in(rules))
        what = "rules that wait for the watermark" if waits else "rules that need one event"
        yield from _figures(what, some, Target(target, at_most=True), pace)
        for rule in rules:
            yield from _figures(rule, some.filter(rule=rule), None, "")


def _figures(case: str, ages: pl.DataFrame, target: Target | None, note: str) -> Iterator[Figure]:
    if ages.is_empty():
        return
    job, whole = ages["found_ms"], ages["shown_ms"]
    stages = f"{ages.height:,} alerts; in its topic after {job.quantile(0.5):,.0f} and {job.quantile(0.99):,.0f} ms"
    yield Figure(f"{case}: p50", _quantile(whole, 0.5), "ms", note=f"{stages}; {note}" if note else stages)
    yield Figure(f"{case}: p99", _quantile(whole, 0.99), "ms", target=target)


def _quantile(values: pl.Series, at: float) -> float:
    found = values.quantile(at)
    assert found is not None
    return found


def _run(settings: Settings) -> tuple[pl.DataFrame, str]:
    spec = simulation(RATE * _SECONDS, "all", density=RATE / SPEED)
    settings = until_the_end_of(spec, settings.model_copy(update={"city_jobs": "all"}), "bench_alerts")
    found: list[pl.DataFrame] = []
    with tempfile.TemporaryDirectory() as folder, PublishedAlerts(settings) as published:
        file = Path(folder) / "moments.parquet"
        told = send_paced(settings, spec, SPEED, moments=file, sent=lambda: found.append(appended_alerts(settings)))
        moments = pl.read_parquet(file)
    ages = ages_of(published.frame().join(found[0], on="alert_id"), moments, settings)
    if ages.is_empty():
        raise HailstreamError("no alert was published while events were sent", hint="is the machine busy?")
    pace = f"{told['sent'] / told['seconds']:,.0f} events/s sent, {told['behind'] * 1000:,.0f} ms behind at most"
    return ages, pace


def ages_of(alerts: pl.DataFrame, moments: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """``rule``, ``found_ms`` and ``shown_ms`` of each alert after the warm-up.

    An alert that needs one event is as old as that event's sending. Others are
    as old as the sending of the first event that is not older than what the alert
    is about: what comes after it, the watermark, is part of their age.

    Args:
        alerts: alert_id, rule, event_time (ms), trip_id, appended and shown (seconds since 1970).
        moments: of :mod:`bench.paced`, in the order of sending.
    """
    first, last = moments["time"].min(), moments["time"].max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    begin = first + _WARM_UP * SPEED * 1000
    reached = moments.select(pl.col("time").cum_max(), "sent").unique("time", keep="first").sort("time")
    of_trips = moments.filter(topic=TRIPS_ENDED.name(settings.namespace)).group_by("key").agg(pl.col("sent").min())
    # An end that disagrees is about its start, and needs both.
    of_one_event = [rule.name for rule in RULES.values() if not rule.waits or rule is END_DISAGREES]
    return (
        alerts.filter(pl.col("event_time").is_between(begin, last))
        .sort("event_time")
        .join_asof(reached, left_on="event_time", right_on="time", strategy="forward")
        .join(of_trips.rename({"sent": "end_sent"}), left_on="trip_id", right_on="key", how="left")
        .with_columns(pl.when(pl.col("rule").is_in(of_one_event)).then("end_sent").otherwise("sent").alias("due"))
        .filter(pl.col("due").is_not_null())
        .select(
            "rule",
            ((pl.col("appended") - pl.col("due")) * 1000).alias("found_ms"),
            ((pl.col("shown") - pl.col("due")) * 1000).alias("shown_ms"),
        )
    )


def appended_alerts(settings: Settings) -> pl.DataFrame:
    """``alert_id`` and ``appended`` (seconds since 1970) of each alert in the topic, committed or not."""
    name = ALERTS.name(settings.namespace)
    consumer = Consumer(
        settings.kafka_config()
        | {
            "group.id": settings.consumer_group("bench"),
            "isolation.level": "read_uncommitted",
            "enable.partition.eof": True,
        }
    )
    found: dict[str, float] = {}
    unread = set(range(settings.partitions))
    try:
        consumer.assign([TopicPartition(name, partition, 0) for partition in unread])
        while unread:
            message = consumer.poll(30.0)
            if message is None:
                raise HailstreamError(f"{name}: nothing came for 30 s, partitions {sorted(unread)} go on")
            error = message.error()
            if error is None:
                key = message.key()
                assert key is not None
                found.setdefault(json.loads(key)["alert_id"], message.timestamp()[1] / 1000)
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition() or 0)
            else:
                raise HailstreamError(f"{name}: {error.str()}")
    finally:
        consumer.close()
    return pl.DataFrame({"alert_id": list(found), "appended": list(found.values())})
