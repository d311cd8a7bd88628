"""``hailstream demo`` as a person runs it, over a stack that runs already."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from hailstream.clickhouse import reachable
from hailstream.loader.redis_store import connect
from hailstream.replay.events import open_source
from hailstream.replay.run import TAIL_SECONDS
from hailstream.replay.simulator.faults import LATE_TO_MS
from hailstream.settings import Settings
from tests.integration.city import table

WITHIN = 1200
# A small city with every fault that the simulator knows, long enough for quarter hours to be forecast.
DATA = "sim:seed=17&rate=10&minutes=150"

pytestmark = pytest.mark.timeout(1800)


def hailstream(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hailstream.cli", *arguments],
        env={**os.environ, **settings.as_environment(), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_the_demo_proves_itself_and_leaves_its_tables(stack: Settings, tmp_path: Path) -> None:
    # Two shards, so that what zones and drivers remember is cut in parts.
    changes = {"city_jobs": "all", "fold_shards": 2}
    done = hailstream(stack.model_copy(update=changes), "demo", "--data", DATA, "--speed", "max")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proof: 0 differing rows" in done.stdout
    assert "job restarts 0" in done.stdout
    # What the stream had to leave out is in history.
    history = re.search(r"history: ([\d,]+) rows .* were corrected; 0 differ from a recount", done.stdout)
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
    assert_rebuilt_by_another_definition(demo_settings, tmp_path)
    # The stack ran before the demo, so it runs on.
    with reachable(stack, database="default") as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


def assert_rebuilt_by_another_definition(settings: Settings, work_dir: Path) -> None:
    """A stream that waits longer than any event is late says, by itself, what batch corrected."""
    bounds = open_source(DATA, work_dir=work_dir).bounds()
    assert bounds is not None
    begin, horizon = bounds[0] + timedelta(minutes=45), bounds[1] + timedelta(seconds=TAIL_SECONDS + 1)
    patient = {"max_disorder": LATE_TO_MS / 1000 + 60, "horizon": horizon.isoformat(), "generation": 2}
    before = table(settings, "zone_counts")
    done = hailstream(
        settings.model_copy(update=patient), "kappa", "rebuild", "--job", "zone_counts", "--from", begin.isoformat()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = table(settings, "zone_counts")
    rebuilt = after.filter(pl.col("generation") == 2)
    assert 0 < rebuilt.height < after.height
    # All of the range, and no others.
    ends = after["window_end"]
    expected = after.filter((ends > begin) & (ends <= rebuilt["window_end"].max()))
    assert_frame_equal(rebuilt, expected)
    assert rebuilt["window_end"].max() > begin + timedelta(minutes=75)  # type: ignore[operator]
    assert_frame_equal(after.drop("generation"), before.drop("generation"))
