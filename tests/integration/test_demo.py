"""``hailstream demo`` as a person runs it, over a stack that runs already."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hailstream.clickhouse import reachable
from hailstream.settings import Settings

WITHIN = 300
# Forty minutes of a small city with every fault that the simulator knows.
DATA = "sim:seed=11&rate=30&minutes=40"


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
    done = demo(stack.model_copy(update={"city_jobs": "all"}), "--data", DATA, "--speed", "max")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proof: 0 differing rows" in done.stdout
    assert "job restarts 0" in done.stdout
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
    assert trips > 0
    assert trips + late + rejected == sent
    # The stack ran before the demo, so it runs on.
    with reachable(stack, database="default") as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


def test_data_that_is_not_there_is_named(stack: Settings) -> None:
    done = demo(stack, "--data", "no/such/file.parquet")
    assert done.returncode != 0
    assert "no/such/file.parquet" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
