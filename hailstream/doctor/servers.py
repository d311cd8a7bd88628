"""External servers, where settings name them: they answer, and have a version we know."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hailstream.doctor.finding import Finding, error, ok, warning
from hailstream.errors import HailstreamError
from hailstream.settings import LOOPBACK, Settings

if TYPE_CHECKING:
    import httpx

SECONDS = 5
CLOCK_SECONDS = 30
FLINK_RELEASE = "2.3"
CLICKHOUSE_LEAST = (23, 8)
REDIS_LEAST = (6, 2)


def check_servers(settings: Settings) -> Iterator[Finding]:
    """Ask each external server who it is; one that does not answer is an error."""
    asked: dict[str, tuple[object, Callable[[Settings], Iterator[Finding]]]] = {
        "kafka_bootstrap": (settings.kafka_bootstrap, check_kafka),
        "registry_url": (settings.registry_url, check_registry),
        "redis_url": (settings.redis_url, check_redis),
        "clickhouse_url": (settings.clickhouse_url, check_clickhouse),
        "flink_url": (settings.flink_url, check_flink),
        "archive": (settings.archive, check_archive),
    }
    for field, (address, check) in asked.items():
        if address is None:
            continue
        name = field.partition("_")[0]
        try:
            yield from check(settings)
        except Exception as failure:
            text = str(failure).strip().splitlines()
            found = f"no answer: {type(failure).__name__}{': ' + text[0] if text else ''}"
            yield error(name, found, f"check HAILSTREAM_{field.upper()}, its credentials, and that the server runs")


def check_kafka(settings: Settings) -> Iterator[Finding]:
    """Brokers of the cluster; the protocol does not tell their version."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    quiet = logging.getLogger("hailstream.doctor.kafka")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    try:
        cluster = AdminClient(settings.kafka_config(), logger=quiet).list_topics(timeout=SECONDS)
    except KafkaException as failure:
        raise ConnectionError(failure.args[0].str()) from failure
    found = f"{len(cluster.brokers)} brokers, {len(cluster.topics)} topics"
    if len(cluster.brokers) < settings.replication_factor:
        action = "set HAILSTREAM_REPLICATION_FACTOR to the number of brokers at most"
        yield error("kafka", f"{found}, replication factor {settings.replication_factor}", action)
    else:
        yield ok("kafka", found)


def check_registry(settings: Settings) -> Iterator[Finding]:
    """Confluent's interface answers; its compatibility level should be BACKWARD."""
    password = settings.registry_password.get_secret_value() if settings.registry_password else ""
    auth = (settings.registry_username, password) if settings.registry_username else None
    answer = _get(f"{settings.registry_address}/config", settings.registry_ca_file, auth=auth)
    level = answer.json().get("compatibilityLevel", "unknown")
    if level.startswith(("BACKWARD", "FULL")):
        yield ok("registry", f"compatibility {level}")
    else:
        action = "set its global level to BACKWARD, or an incompatible schema can be registered"
        yield warning("registry", f"compatibility {level}", action)
    yield from _clock_difference("registry", answer)


def check_archive(settings: Settings) -> Iterator[Finding]:
    """The bucket of an archive in S3 is there for these keys; a folder is made when it is needed."""
    from hailstream.archive.s3 import in_s3, open_bucket

    if in_s3(settings):
        try:
            open_bucket(settings)
        except HailstreamError as failure:
            yield error("archive", failure.message, failure.hint)
        else:
            yield ok("archive", f"{settings.archive_address} answers")


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Redis by its own client."""
    import redis

    options = {"ssl_ca_certs": str(settings.redis_ca_file)} if settings.redis_ca_file else {}
    client = redis.Redis.from_url(
        settings.redis_address, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, **options
    )
    with client:
        about: Any = client.info("server")  # typed for the asynchronous client too
    yield _at_least("redis", str(about["redis_version"]), REDIS_LEAST)


def check_clickhouse(settings: Settings) -> Iterator[Finding]:
    """ClickHouse over HTTP, with the user's own name and password."""
    answer = _get(
        settings.clickhouse_address,
        settings.clickhouse_ca_file,
        params={"query": "SELECT version()"},
        headers={
            "X-ClickHouse-User": settings.clickhouse_username,
            "X-ClickHouse-Key": settings.clickhouse_password.get_secret_value(),
        },
    )
    yield _at_least("clickhouse", answer.text.strip(), CLICKHOUSE_LEAST)
    yield from _clock_difference("clickhouse", answer)


def check_flink(settings: Settings) -> Iterator[Finding]:
    """Flink's REST interface; jobs are made for one release."""
    version = str(_get(f"{settings.flink_address}/config").json()["flink-version"])
    if version.startswith(f"{FLINK_RELEASE}."):
        yield ok("flink", version)
    else:
        yield warning(
            "flink", f"{version}; the jobs are tested on {FLINK_RELEASE}", f"use a cluster of {FLINK_RELEASE}"
        )


def _get(url: str, ca_file: object = None, **options: object) -> httpx.Response:
    import ssl

    import httpx

    verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
    trust_env = LOOPBACK not in url  # a proxy does not know our loopback
    answer = httpx.get(url.rstrip("/"), verify=verify, trust_env=trust_env, timeout=SECONDS, **options)  # type: ignore[arg-type]
    answer.raise_for_status()
    return answer


def _at_least(name: str, version: str, least: tuple[int, int]) -> Finding:
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    wanted = ".".join(map(str, least))
    if numbers < least:
        return warning(name, f"version {version}, tested from {wanted} on", f"use {wanted} or later")
    return ok(name, f"version {version}")


def _clock_difference(name: str, answer: httpx.Response) -> Iterator[Finding]:
    """A server whose clock is another: "now" decides which events are of the future."""
    if not (date := answer.headers.get("date")):
        return
    seconds = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    if abs(seconds) > CLOCK_SECONDS:
        found = f"its clock and ours differ by {abs(seconds):.0f} s"
        yield warning(name, found, "let both follow a time server (`timedatectl set-ntp true`)")
