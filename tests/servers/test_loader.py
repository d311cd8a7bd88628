"""The loader between real Kafka, ClickHouse and Redis: bad messages, and the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request

from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.metrics import Metrics
from hailstream.schemas import frame
from hailstream.settings import Settings
from hailstream.topics import LOAD_REJECTED, ZONE_COUNTS
from tests.contract.loader.results import counts, encode
from tests.servers.loader_fixtures import *  # noqa: F403
from tests.servers.loading import (
    Results,
    expected_of,
    has,
    load_all,
    query,
    shown,
    windows,
    within_a_minute,
)


def test_an_unreadable_message_and_a_refused_row_are_kept_with_their_reasons_and_the_rest_goes_in(
    settings: Settings, results: Results
) -> None:
    good = windows(5)
    results.send(ZONE_COUNTS, good[:10])
    garbage = frame(results.schema_id(ZONE_COUNTS), b"\x01\x02\x03")
    unfit = frame(results.schema_id(ZONE_COUNTS), encode(ZONE_COUNTS, counts(zone=70000)))
    for value in (garbage, b"", None, frame(4711, b"x"), unfit):
        results.send_raw(ZONE_COUNTS, value, partition=1)
    results.send(ZONE_COUNTS, good[10:])
    # The rejections are loaded by a second run at the latest.
    for _ in range(2):
        load_all(settings, ClickHouseSink(settings))
    assert shown(settings) == expected_of(good)
    found = query(settings, "SELECT topic, partition, reason, hex(value) FROM load_rejected ORDER BY offset")
    assert {(topic, partition) for topic, partition, _, _ in found} == {(ZONE_COUNTS.name(settings.namespace), 1)}
    reasons = [reason for _, _, reason, _ in found]
    words = ["not readable", "0 bytes are no framed message", "no value", "no schema 4711", "zone_id = 70000"]
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True)), reasons
    originals = [garbage, b"", b"", frame(4711, b"x"), unfit]
    assert [text for *_, text in found] == [value.hex().upper() for value in originals]


def test_a_rejection_that_is_unreadable_itself_goes_round_no_more(settings: Settings, results: Results) -> None:
    results.create(LOAD_REJECTED)
    results.send_raw(LOAD_REJECTED, b"\x00garbage")
    load_all(settings, ClickHouseSink(settings))
    load_all(settings, ClickHouseSink(settings))
    assert query(settings, "SELECT count() FROM load_rejected") == [(0,)]


def test_the_command_ends_cleanly_on_sigterm_and_serves_its_metrics(settings: Settings, results: Results) -> None:
    rows = windows(10)
    results.send(ZONE_COUNTS, rows)
    program = "import typer; from hailstream.loader import commands; app = typer.Typer(); commands.register(app); app()"
    loader = subprocess.Popen(
        [sys.executable, "-c", program, "load", "clickhouse"],
        env=os.environ | settings.as_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        within_a_minute(has(settings, expected_of(rows)), "the rows are loaded")
        name = ZONE_COUNTS.name(settings.namespace)
        wanted = f'hailstream_loader_rows_total{{sink="clickhouse",topic="{name}"}} {len(rows)}.0'

        def scraped() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
                return str(answer.read(), "utf-8")

        within_a_minute(lambda: wanted in scraped(), "the rows are counted")
        assert "hailstream_loader_append_to_stored_seconds_bucket" in scraped()
        loader.send_signal(signal.SIGTERM)
        _, log = loader.communicate(timeout=60)
    finally:
        loader.kill()
        loader.wait()
    assert loader.returncode == 0, log
    assert "Traceback" not in log
    # Everything was committed: nothing is read again.
    metrics = Metrics()
    load_all(settings, ClickHouseSink(settings), metrics=metrics)
    assert (
        metrics.registry.get_sample_value("hailstream_loader_rows_total", {"sink": "clickhouse", "topic": name}) is None
    )
