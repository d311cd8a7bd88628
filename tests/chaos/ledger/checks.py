"""Every check that is made when all has come to rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.jobs.catalog import CITY, city_parts
from hailstream.proof.answers import AnswersProver
from hailstream.proof.compare import MetricProof, Prover
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof
from hailstream.replay.events import open_source
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.chaos.ledger.lines import SHOWN, Line, compared
from tests.chaos.ledger.once import committed_once
from tests.chaos.ledger.recount import late, rejected
from tests.chaos.ledger.redis_check import check_redis
from tests.chaos.ledger.topics import messages


def check_all(
    settings: Settings, spec: str, jobs: tuple[str, ...], work_dir: Path, say: Callable[[str], None]
) -> Iterator[Line]:
    """A line for each thing that must be right; the jobs are stopped and everything is loaded."""
    say("checking the log against the source")
    yield from _events(settings, spec, work_dir)
    say("recounting the log")
    log = EventLog(settings, work_dir=work_dir)
    parts = _parts(jobs, settings)
    yield from map(_of_metric, Prover(log).compare().metrics)
    yield from map(_of_table, AnswersProver(log, parts).compare())
    yield from _by_message(log, parts)
    yield _nothing_refused(settings)
    say("checking that nothing was committed twice")
    yield from committed_once(log, jobs)
    say("checking Redis")
    yield from check_redis(settings, parts)


def _parts(jobs: Collection[str], settings: Settings) -> frozenset[str]:
    """The jobs, with city's parts in its place."""
    of_city = {part.name for part in city_parts(settings)} if CITY in jobs else set()
    return frozenset(of_city | set(jobs) - {CITY})


def _events(settings: Settings, spec: str, work_dir: Path) -> Iterator[Line]:
    """Each event of the source is in the log. What a broker that crashed took twice is there twice: jobs drop it."""
    frames = [
        frame.select("is_end", pl.col("trip_id").alias("key"), pl.col("event_time").dt.epoch("ms").alias("time"))
        for frame in open_source(spec, work_dir=work_dir).batches()
    ]
    source = pl.concat(frames).with_columns(pl.col("key").cast(pl.Binary))
    for topic in (TRIPS_STARTED, TRIPS_ENDED):
        sent = source.filter(pl.col("is_end") == (topic is TRIPS_ENDED)).drop("is_end")
        found = messages(settings, topic).filter(~pl.col("heartbeat")).select("key", "time")
        counts = sent.group_by("key", "time").len("source").join(
            found.group_by("key", "time").len("log"), on=["key", "time"], how="full", coalesce=True, nulls_equal=True
        )  # fmt: skip
        counts = counts.with_columns(pl.col("source", "log").fill_null(0).cast(pl.Int64))
        difference = counts["log"] - counts["source"]
        unknown = int(counts.filter(pl.col("source") == 0)["log"].sum())
        again = int(difference.clip(0).sum()) - unknown
        note = f"{again} taken twice by a broker that was killed" if again else ""
        missing = -int(difference.clip(upper_bound=0).sum())
        yield Line(f"{topic.base}, from the source", sent.height, missing=missing, extra=unknown, note=note)


def _of_metric(proof: MetricProof) -> Line:
    return Line(
        proof.metric, proof.rows, proof.missing, proof.extra, wrong=proof.different,
        note=f"{proof.accounts.duplicate:,} events twice, {proof.accounts.late:,} late",
        examples=tuple(map(str, proof.examples[:SHOWN])),
    )  # fmt: skip


def _of_table(proof: RowsProof) -> Line:
    examples = tuple(map(str, proof.examples[:SHOWN]))
    return Line(proof.table, proof.rows, proof.missing, proof.extra, wrong=proof.different, examples=examples)


def _by_message(log: EventLog, parts: Collection[str]) -> Iterator[Line]:
    key = ["topic", "partition", "offset"]
    found = _table(
        log.settings,
        "SELECT topic, partition, offset, metric, toUnixTimestamp64Milli(event_time) AS event_time,"
        " toUnixTimestamp64Milli(watermark) AS watermark, trip_id, zone_id FROM late",
    )
    yield compared("late", late(log, parts), found, [*key, "metric"])
    found = _table(
        log.settings,
        "SELECT topic, partition, offset, toUnixTimestamp64Milli(record_time) AS record_time FROM rejected",
    )
    yield compared("rejected", rejected(log), found, key)


def _nothing_refused(settings: Settings) -> Line:
    """No sink refused a row."""
    refused = _table(settings, "SELECT sink, topic, partition, offset, reason FROM load_rejected")
    return Line("load_rejected", 0, extra=refused.height, examples=tuple(map(str, refused.head(SHOWN).to_dicts())))


def _table(settings: Settings, query: str) -> pl.DataFrame:
    with reachable(settings, database=settings.database) as client:
        frame = pl.from_arrow(client.query_arrow(query, use_strings=True))
    assert isinstance(frame, pl.DataFrame)
    return frame
