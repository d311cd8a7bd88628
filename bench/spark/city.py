"""Zone counts and revenue by Spark Structured Streaming; runs in Spark's own environment.

    python city.py '{"servers": ..., "topics": ..., ...}'

Reads both topics from their beginning to their end and prints the progress of
every micro-batch as a line of JSON. Messages are read by ``from_avro`` in
PERMISSIVE mode, which turns an unreadable one into nulls; late events and
repeated ones are dropped by Spark's own means.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.avro.functions import from_avro, to_avro
from pyspark.sql.streaming import StreamingQuery
from pyspark.sql.streaming.listener import StreamingQueryListener

HEADER_BYTES = 5
UNKNOWN_ZONE = 264


class Printer(StreamingQueryListener):  # type: ignore[misc]
    """Prints the progress of micro-batches that had rows."""

    def onQueryStarted(self, event: Any) -> None:
        pass

    def onQueryProgress(self, event: Any) -> None:
        if event.progress.numInputRows:
            print(event.progress.json.replace("\n", " "), flush=True)

    def onQueryIdle(self, event: Any) -> None:
        pass

    def onQueryTerminated(self, event: Any) -> None:
        pass


def session(config: dict[str, Any]) -> SparkSession:
    builder = SparkSession.builder.master(f"local[{config['partitions']}]").appName("hailstream-bench")
    settings = {
        "spark.jars": ",".join(config["jars"]),
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(config["partitions"]),
        "spark.sql.streaming.metricsEnabled": "false",
        "spark.sql.streaming.numRecentProgressUpdates": "10000",
        "spark.local.dir": f"{config['work']}/local",
        "spark.sql.warehouse.dir": f"{config['work']}/warehouse",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def events(spark: SparkSession, config: dict[str, Any], kind: str) -> DataFrame:
    """Decoded events, timely and once each."""
    raw = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", config["servers"])
        .option("subscribe", config["topics"][kind])
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", config["rows_a_batch"])
        .load()
    )
    body = f.expr(f"substring(value, {HEADER_BYTES + 1})")
    event = from_avro(body, config["schemas"][kind], {"mode": "PERMISSIVE"})
    return (
        raw.select(f.col("timestamp").alias("row_time"), event.alias("event"))
        .where("event.trip_id IS NOT NULL")
        .select("row_time", "event.*")
        .withColumn("zone_id", f.coalesce("pickup_location_id", f.lit(UNKNOWN_ZONE)))
        .withWatermark("row_time", f"{config['disorder']} seconds")
        .dropDuplicatesWithinWatermark(["trip_id"])
    )


def counts(found: DataFrame) -> DataFrame:
    known = f.when(f.col("passenger_count").between(1, 9), f.col("passenger_count"))
    return found.groupBy(f.window("row_time", "5 minutes", "1 minute"), "zone_id").agg(
        f.count("*").alias("trips"),
        f.coalesce(f.sum(known), f.lit(0)).alias("passengers"),
        f.count(known).alias("known_passengers"),
        # COUNT(DISTINCT ...) does not exist on streams.
        f.size(f.collect_set("driver_id")).alias("drivers"),
    )


def revenue(found: DataFrame) -> DataFrame:
    cents = {name: (f.col(name) * 100).cast("long") for name in ("fare_amount", "tip_amount", "tolls_amount")}
    seconds = f.unix_millis("event_time") - f.unix_millis("started_at")
    kept = (
        cents["fare_amount"].between(0, 50_000)
        & f.coalesce(f.col("trip_distance_miles").between(0, 100), f.lit(True))
        & seconds.between(60_000, 480 * 60_000)
    )

    def total(amount: Column) -> Column:
        return f.coalesce(f.sum(f.when(kept, amount)), f.lit(0))

    return found.groupBy(f.window("row_time", "10 minutes", "2 minutes"), "zone_id").agg(
        f.count("*").alias("rows"),
        f.sum((f.col("total_amount") * 100).cast("long")).alias("total_sum"),
        f.count(f.when(kept, 1)).alias("trips"),
        total(cents["fare_amount"]).alias("fare_sum"),
        total(cents["fare_amount"] * cents["fare_amount"]).alias("fare_sq"),
        total(cents["tip_amount"]).alias("tip_sum"),
        total(cents["tolls_amount"]).alias("toll_sum"),
        (f.count("*") - f.count(f.when(kept, 1))).alias("excluded"),
    )


def start(config: dict[str, Any], kind: str, rows: DataFrame) -> StreamingQuery:
    """Write a metric's rows to its topic, in Avro."""
    flat = rows.select(
        "zone_id", "window.start", "window.end", *[c for c in rows.columns if c not in ("window", "zone_id")]
    )
    return (
        flat.select(f.col("zone_id").cast("string").alias("key"), to_avro(f.struct(*flat.columns)).alias("value"))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", config["servers"])
        .option("kafka.compression.type", "lz4")
        .option("topic", config["results"][kind])
        .option("checkpointLocation", f"{config['work']}/checkpoint-{kind}")
        .queryName(kind)
        .outputMode("append")
        .trigger(availableNow=True)
        .start()
    )


def main() -> None:
    config = json.loads(sys.argv[1])
    spark = session(config)
    spark.streams.addListener(Printer())
    made = {"started": counts(events(spark, config, "started")), "ended": revenue(events(spark, config, "ended"))}
    queries = [start(config, kind, rows) for kind, rows in made.items()]
    for query in queries:
        query.awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main()
