"""``spark-submit batch/JOB.py`` works as batch/README.md says it is typed, here and on a cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batch.reconcile import DRIFT
from hailstream.archive.months import beside, published_months
from hailstream.archive.store import open_store
from hailstream.clickhouse import reachable
from hailstream.local.jars import CHECKOUT
from hailstream.settings import Settings
from hailstream.spark.java import find_spark_java
from hailstream.topics import TRIPS_ENDED
from tests.contract.spark.cluster import spark_cluster
from tests.stack import Servers
from tests.unit.duck.ends import HOURS, events

README = CHECKOUT / "batch" / "README.md"
RECONCILE = ("--table", "zone_revenue", "--limit", "0")
HEADER = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
    "PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
    "total_amount"
)


@pytest.fixture
def settings(servers: Servers, namespace: Settings, tmp_path: Path) -> Settings:
    servers("clickhouse")
    return namespace.model_copy(update={"archive": (tmp_path / "kept").as_uri(), "spark_partitions": 2})


def archive(settings: Settings) -> None:
    """Ends of four hours, as job archive writes them."""
    frame = events(seed=7, count=2000).with_row_index()
    store = open_store(TRIPS_ENDED, settings)
    for number in range(settings.partitions):
        rows = frame.filter(frame["index"] % settings.partitions == number).drop("index").with_row_index("place")
        rows = rows.with_columns(kafka_partition=number, kafka_offset=rows["place"].cast(int)).drop("place")
        table = rows.cast({"kafka_partition": frame.schema["kafka_partition"]})
        path = store.path(f"event_date=2024-01-01/event_hour=12/part-{number}")
        store.files.create_dir(path.rpartition("/")[0], recursive=True)
        pq.write_table(table.to_arrow(), path, filesystem=store.files)


def bare_python(folder: Path) -> Path:
    """A Python with our packages and not the project's own: what a worker machine has."""
    venv.create(folder, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    # Packages of a folder that is named in such a file are found; its own such files are not read.
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))
    python = folder / "bin" / "python"
    command = [python, "-c", "import duckdb, hailstream"]
    imported = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "No module named 'hailstream'" in imported.stderr
    return python


def monthly_file(folder: Path) -> Path:
    """A file as the TLC publishes them."""
    path = folder / "yellow_tripdata_2018-01.csv"
    trip = "1,2018-01-{day:02} 10:21:05,2018-01-{day:02} 10:44:23,1,3.5,1,N,41,24,2,14.5,0.5,0.5,0,0,0.3,15.8"
    path.write_text("\n".join((HEADER, *(trip.format(day=day) for day in range(1, 31)))))
    return path


def typed(
    *lines: str, rest: Sequence[object], settings: Settings, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a shell makes of lines of the README, in the project's folder, and of more arguments."""
    text = README.read_text()
    assert [line for line in lines if line not in text] == []
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    loopback = {"SPARK_LOCAL_IP": "127.0.0.1", "JAVA_HOME": str(find_spark_java())}
    return subprocess.run(
        ["bash", "-euc", "\n".join((*lines[:-1], f"{lines[-1]} {' '.join(map(str, rest))}"))],
        cwd=CHECKOUT,
        env=os.environ | settings.as_environment() | loopback | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_spark_submit_works_on_a_cluster_and_here_as_it_is_documented(
    settings: Settings, bucket: str, tmp_path: Path
) -> None:
    in_s3 = settings.model_copy(update={"archive": f"{bucket}/kept"})
    archive(settings)
    archive(in_s3)
    java_home = find_spark_java()
    assert java_home is not None
    with spark_cluster(tmp_path / "cluster", java_home) as master:
        submit = 'spark-submit --master "$MASTER" batch/{}.py'.format
        pythons = {"PYSPARK_PYTHON": str(bare_python(tmp_path / "python")), "PYSPARK_DRIVER_PYTHON": sys.executable}
        workers = {"MASTER": master, **pythons}
        done = typed(submit("reconcile"), rest=RECONCILE, settings=in_s3, **workers)
        executors = [path.parent.name for path in (tmp_path / "cluster").glob("worker*/app-*/*/stderr")]
        files = ("--no-windows", monthly_file(tmp_path))
        filled = typed(submit("backfill"), rest=files, settings=in_s3, **workers)
        tables = in_s3.model_copy(update={"curated": (tmp_path / "curated").as_uri()})
        curated = typed(submit("curate"), rest=("--to", "2018-02-01"), settings=tables, **workers)
    assert filled.returncode == 0, filled.stdout + filled.stderr
    [month] = published_months(beside(open_store(TRIPS_ENDED, in_s3)))
    assert (month.name, sum(part.rows for part in month.of(TRIPS_ENDED))) == ("yellow-2018-01", 30)
    assert curated.returncode == 0, curated.stdout + curated.stderr
    assert done.returncode == DRIFT, done.stdout + done.stderr
    assert len(executors) == 2
    assert in_s3.s3_secret_key is not None
    told = "".join(one.stdout + one.stderr for one in (done, filled, curated))
    assert in_s3.s3_secret_key.get_secret_value() not in told
    done = typed("spark-submit batch/reconcile.py", rest=RECONCILE, settings=settings, PYSPARK_PYTHON=sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    with reachable(settings, database=settings.database) as client:
        rows = client.query(
            "SELECT state, rows_out, detail FROM batch_runs WHERE job = 'reconcile' ORDER BY run"
        ).result_rows
        written = client.command("SELECT count() FROM zone_revenue")
        trips = client.query("SELECT toInt64(sum(rows)), sum(total_sum) FROM payment_analysis").result_rows
    assert trips == [(30, 30 * Decimal("15.80"))]
    [first, second] = [(state, wrote, json.loads(detail)["tables"][0]) for state, wrote, detail in rows]
    assert first[:2] == ("done", written)
    assert first[2]["kinds"] == {"missing, not said": written}
    assert second[:2] == ("done", 0)
    assert second[2]["rows"] == first[2]["rows"] == written > 100 * HOURS
    assert re.search(r"zone_revenue", done.stdout)
