"""A namespace emptied, so that a run starts from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from hailstream.archive.months import beside
from hailstream.archive.store import open_store
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JOBS, job_title
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.local.topics_admin import delete_topics
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, LIVE


def empty_namespace(settings: Settings, *, keys: bool = True) -> None:
    """Cancel the namespace's jobs and delete its topics, tables, keys and archive.

    Args:
        keys: whether it has some; otherwise Redis is not asked.

    Raises:
        HailstreamError: a server is away.
        ValueError: asked to empty the live namespace.
    """
    if settings.namespace == LIVE:
        raise ValueError("the live namespace is never emptied")
    rest = FlinkRest(settings)
    for name in JOBS:
        job = rest.active_job(job_title(name, settings))
        if job is not None:
            rest.cancel(job.job_id)
    delete_topics(settings)
    _drop_database(settings)
    if keys:
        delete_keys(settings)
    for topic in EVENT_TOPICS:
        store = open_store(topic, settings)
        store.delete()
        beside(store).delete()
    shutil.rmtree(settings.home_dir / "plans" / settings.namespace, ignore_errors=True)


def _drop_database(settings: Settings) -> None:
    from hailstream.clickhouse import reachable

    with reachable(settings, database="default") as client:
        client.command(f"DROP DATABASE IF EXISTS `{settings.database}` SYNC")


def delete_keys(settings: Settings) -> None:
    """Delete what the namespace has in Redis.

    Raises:
        HailstreamError: Redis is away.
    """
    import redis

    from hailstream.loader.redis_store import connect

    client = connect(settings)
    try:
        for keys in _chunks(client.scan_iter(match=f"{settings.redis_prefix}*", count=1000), 1000):
            client.unlink(*keys)
    except (redis.RedisError, OSError) as error:
        raise HailstreamError(
            f"Redis did not delete the keys {settings.redis_prefix}*: {error}",
            hint="`hailstream status` says whether it is up; then run the same again",
        ) from None
    finally:
        client.close()


def _chunks(items: Iterator[str], size: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
