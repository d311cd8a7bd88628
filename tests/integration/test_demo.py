"""``hailstream demo`` as a person runs it, over a stack that runs already."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from hailstream.clickhouse import reachable
from hailstream.loader.redis_store import connect
from hailstream.settings import Settings

WITHIN = 800
# A small city with every fault that the simulator knows, long enough for quarter hours to be forecast.
DATA = "sim:seed=17&rate=25&minutes=150"

pytestmark = pytest.mark.timeout(900)


def demo(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hailstream.cli", "demo", *arguments],
        env={**os.environ, **settings.as_environment(), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_the_demo_proves_itself_and_leaves_its_tables(stack: Settings) -> None:
    # Two shards, so that what zones and drivers remember is cut in parts.
    changes = {"city_jobs": "all", "fold_shards": 2}
    done = demo(stack.model_copy(update=changes), "--data", DATA, "--speed", "max")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proof: 0 differing rows" in done.stdout
    assert "job restarts 0" in done.stdout
    # What the stream had to leave out is in history.
    history = re.search(r"history: ([\d,]+) rows .* were corrected; 0 differ .*, 0 from a recount", done.stdout)
    assert history is not None
    assert history.group(1) != "0"
    for said in ("zone_surge", "driver_risk", "riskiest drivers", "most frequent routes"):
        assert said in done.stdout
    sent = int(
        re.sub(r"\D", "", next(line for line in done.stdout.splitlines() if "trips.started" in line).split()[-2])
    )
    demo_settings = stack.model_copy(update={"namespace": "demo"})
    with reachable(demo_settings, database=demo_settings.database) as client:
        trips, late, rejected = (
            client.query(query).result_rows[0][0]
            for query in (
                # Five windows hold each minute, so every fifth end holds each trip once.
                "SELECT sum(trips + duplicates) FROM zone_counts WHERE toMinute(window_end) % 5 = 0",
                "SELECT count() FROM late WHERE metric = 'zone_counts'",
                "SELECT count() FROM rejected WHERE topic LIKE '%started%'",
            )
        )
        filled = [
            client.query(f"SELECT count() FROM {name}").result_rows[0][0]
            for name in ("zone_surge", "zone_forecast", "alerts", "trips", "opportunities")
        ]
    assert late > 0
    assert trips + rejected == sent
    assert min(filled) > 100
    redis = connect(demo_settings)
    assert float(redis.hgetall(f"{demo_settings.redis_prefix}surge:161")["multiplier"]) >= 1
    assert {redis.hget(key, "level") for key in redis.scan_iter(match=f"{demo_settings.redis_prefix}risk:*")} >= {
        "LOW",
        "HIGH",
    }
    # The stack ran before the demo, so it runs on.
    with reachable(stack, database="default") as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


def test_data_that_is_not_there_is_named(stack: Settings) -> None:
    done = demo(stack, "--data", "no/such/file.parquet")
    assert done.returncode != 0
    assert "no/such/file.parquet" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
