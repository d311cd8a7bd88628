"""Job city with both loaders, in a namespace that has its events already or gets them soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.eventlog import EventLog
from bench.offsets import committed
from bench.steady import Look, watch
from bench.trickle import Trickle
from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import JOB, Pipeline
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.loader.migrations import migrate
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from hailstream.topics import RESULT_TOPICS


@contextmanager
def running_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """Job and loaders, started anew; ended and their results forgotten afterwards."""
    delete_topics(settings, RESULT_TOPICS)
    create_topics(settings)
    register_schemas(settings)
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    with Pipeline(settings) as pipeline:
        pipeline.start_loaders()
        pipeline.start_job()
        try:
            yield pipeline
        finally:
            FlinkRest(settings).cancel_if_active(pipeline.job_id)
    delete_topics(settings, RESULT_TOPICS)
    with reachable(settings, database="default") as client:
        client.command(f"DROP DATABASE IF EXISTS `{settings.database}` SYNC")


def catch_up(pipeline: Pipeline, log: EventLog) -> list[Look]:
    """Wait until the job has committed the whole log."""
    group = log.settings.consumer_group(JOB)
    ask = committed(log.settings, group)
    with Trickle(log.settings, log.last):
        return watch(ask, log.total, clock=time.monotonic, sleep=time.sleep, check=pipeline.check)
